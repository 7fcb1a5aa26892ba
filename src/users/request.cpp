#include "users/request.hpp"

#include "pg/boundary.hpp"
#include "users/rules.hpp"

namespace stream::users {

namespace {

using pg::JsonMember;
using pg::JsonValue;

constexpr std::string_view guest_role = "guest";

std::string_view read_id(const JsonValue &object, const Place &place) {
    const std::string_view id = read_id_string(object, place);
    if (!is_user_id(id))
        throw place.refuse("id " + quoted(id) + " is not valid", "id", id)
            .hint("An id is 1 to 255 letters, digits, @, _ or -.");
    return id;
}

// duration stands in a user that stream_get_user answered with, which may be sent back as it is.
void read_fields(Profile &profile, const JsonValue &object, const Place &place,
                 const Roles &roles) {
    for (const JsonMember member : object.object()) {
        const auto field = find_field(member.key);
        if (!field && member.key == "duration")
            continue;
        if (!field)
            throw place.refuse("unknown key " + quoted(member.key), member.key, profile.id)
                .hint("Data of your own belongs into custom.");
        if (is_settable(*field))
            set_field(profile, *field, member.value, place, roles);
    }
    check_teams_role(profile, place);
}

Profile read_user(const JsonValue &object, const Place &place, const Roles &roles) {
    Profile profile;
    profile.id = read_id(object, place);
    read_fields(profile, object, place, roles);
    return profile;
}

void refuse_empty(std::size_t size) {
    if (size == 0)
        throw bad_input("there must be at least one user").at("users");
}

void read_list(const pg::JsonArray &list, const Roles &roles, pg::Vec<UserRequest> &users) {
    refuse_empty(list.size());
    users.reserve(list.size());
    for (const JsonValue object : list) {
        pg::check_interrupts();
        const Place place = Place::entry(users.size());
        users.push_back({read_user(object, place, roles), place});
    }
}

void read_map(const pg::JsonObject &map, const Roles &roles, pg::Vec<UserRequest> &users) {
    refuse_empty(map.size());
    users.reserve(map.size());
    for (const JsonMember entry : map) {
        pg::check_interrupts();
        const Place place = Place::under(entry.key);
        const std::string_view id = read_id(entry.value, place);
        if (id != entry.key)
            throw place.refuse("key " + quoted(entry.key) + " and id " + quoted(id) + " differ",
                               "id", id);
        users.push_back({read_user(entry.value, place, roles), place});
    }
}

// The value of users in {"users": …}, which has no other key.
JsonValue unwrap(const pg::JsonObject &wrapper) {
    for (const JsonMember member : wrapper)
        if (member.key != "users")
            throw bad_input("unknown key " + quoted(member.key)).at(std::string(member.key));
    return *wrapper.find("users");
}

// Whether a request says something of that field: null counts as left out.
bool names(const pg::JsonObject &object, std::string_view field) {
    const auto value = object.find(field);
    return value && !value->is_null();
}

} // namespace

Profile read_guest(const Jsonb *request, const Roles &roles) {
    const JsonValue root(request);
    const Place place = Place::bare();
    if (!root.is_object())
        throw bad_input(std::string("user must be an object, not ") + root.type_name()).at("user");
    Profile profile;
    profile.role = guest_role;
    if (names(root.object(), "id"))
        profile.id = read_id(root, place);
    read_fields(profile, root, place, roles);
    if (names(root.object(), "role") && profile.role != guest_role)
        throw place
            .refuse("a guest can't have the role " + quoted(profile.role), "role", profile.id)
            .hint("Leave role out, or create the user with stream_upsert_users.");
    profile.role = guest_role;
    return profile;
}

std::string_view read_id_string(const JsonValue &object, const Place &place) {
    if (!object.is_object())
        throw place.refuse(std::string("a user must be an object, not ") + object.type_name(), {},
                           {});
    const auto id = object.object().find("id");
    if (!id)
        throw place.refuse("id is missing", "id", {});
    if (!id->is_string())
        throw place.refuse(std::string("id must be a string, not ") + id->type_name(), "id", {});
    return id->string();
}

pg::JsonArray list_of_users(const JsonValue &request) {
    JsonValue list = request;
    if (request.is_object() && request.object().find("users"))
        list = unwrap(request.object());
    if (!list.is_array())
        throw bad_input(std::string("users must be an array, not ") + list.type_name()).at("users");
    refuse_empty(list.array().size());
    return list.array();
}

void read_users(const Jsonb *request, const Roles &roles, pg::Vec<UserRequest> &users) {
    const JsonValue root(request);
    if (root.is_array())
        return read_list(root.array(), roles, users);
    if (!root.is_object())
        throw bad_input(std::string("users must be an object or an array, not ") + root.type_name())
            .at("users");
    if (!root.object().find("users")) {
        const Place place = Place::bare();
        users.push_back({read_user(root, place, roles), place});
        return;
    }
    const JsonValue inner = unwrap(root.object());
    if (inner.is_array())
        return read_list(inner.array(), roles, users);
    if (inner.is_object())
        return read_map(inner.object(), roles, users);
    throw bad_input(std::string("users must be an object or an array, not ") + inner.type_name())
        .at("users");
}

} // namespace stream::users
