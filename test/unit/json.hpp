#pragma once
// JSON values for tests of requests.

#include "users/filter.hpp"

namespace stream::users {

inline Json text(std::string value) {
    Json json;
    json.kind = Json::Kind::string;
    json.text = std::move(value);
    return json;
}

inline Json number(std::string digits) {
    Json json;
    json.kind = Json::Kind::number;
    json.text = std::move(digits);
    return json;
}

inline Json boolean(bool value) {
    Json json;
    json.kind = Json::Kind::boolean;
    json.boolean = value;
    return json;
}

inline Json list(std::vector<Json> items) {
    Json json;
    json.kind = Json::Kind::array;
    json.items = std::move(items);
    return json;
}

inline Json object(std::vector<std::pair<std::string, Json>> members) {
    Json json;
    json.kind = Json::Kind::object;
    json.members = std::move(members);
    return json;
}

} // namespace stream::users
