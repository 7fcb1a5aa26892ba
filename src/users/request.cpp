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

// What the keys of a user object are known by.
static_assert(field_count <= 30);
constexpr uint32 with_duration = uint32{1} << 30;
constexpr uint32 with_made_settings = uint32{1} << 31;

constexpr uint32 bit(Field field) {
    return uint32{1} << static_cast<unsigned>(field);
}

// duration stands in a user that stream_get_user answered with, which may be sent back as it is.
// Gives the bits of the keys that the object has.
uint32 read_fields(Profile &profile, const JsonValue &object, const Place &place,
                   const Roles &roles) {
    uint32 fields = 0;
    for (const JsonMember member : object.object()) {
        const auto field = find_field(member.key);
        if (!field && member.key == "duration") {
            fields |= with_duration;
            continue;
        }
        if (!field)
            throw place.refuse("unknown key " + quoted(member.key), member.key, profile.id)
                .hint("Data of your own belongs into custom.");
        fields |= bit(*field);
        if (is_settable(*field))
            set_field(profile, *field, member.value, place, roles);
    }
    check_teams_role(profile, place);
    return fields;
}

// Takes a field from an object that has been read before.
void take_field(Profile &profile, Field field, const JsonValue &value) {
    switch (field) {
    case Field::role:
        profile.role = value.string();
        break;
    case Field::name:
        profile.name = value.string();
        break;
    case Field::image:
        profile.image = value.string();
        break;
    case Field::custom:
        profile.custom = value;
        break;
    case Field::teams:
        profile.teams.reserve(value.array().size());
        for (const JsonValue team : value.array())
            profile.teams.push_back(team.string());
        break;
    case Field::teams_role:
        if (value.object().size() > 0)
            profile.teams_role = value;
        break;
    case Field::language:
        profile.language = value.string();
        break;
    case Field::invisible:
        profile.invisible = value.boolean();
        break;
    case Field::privacy_settings:
        profile.privacy_settings = value;
        break;
    default:
        break;
    }
}

void refuse_empty(std::size_t size) {
    if (size == 0)
        throw bad_input("there must be at least one user").at("users");
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

void UserRequests::read(const Roles &roles) {
    const JsonValue root(request_);
    if (root.is_array())
        return read_list(root.array(), roles);
    if (!root.is_object())
        throw bad_input(std::string("users must be an object or an array, not ") + root.type_name())
            .at("users");
    if (!root.object().find("users")) {
        begin(Shape::bare, 1);
        return read_user(root, Place::bare(), roles);
    }
    const JsonValue inner = unwrap(root.object());
    if (inner.is_array())
        return read_list(inner.array(), roles);
    if (inner.is_object())
        return read_map(inner.object(), roles);
    throw bad_input(std::string("users must be an object or an array, not ") + inner.type_name())
        .at("users");
}

void UserRequests::read_list(const pg::JsonArray &list, const Roles &roles) {
    begin(Shape::list, list.size());
    for (const JsonValue object : list) {
        pg::check_interrupts();
        read_user(object, Place::entry(size()), roles);
    }
}

void UserRequests::read_map(const pg::JsonObject &map, const Roles &roles) {
    begin(Shape::map, map.size());
    for (const JsonMember entry : map) {
        pg::check_interrupts();
        const Place place = Place::under(entry.key);
        const std::string_view id = read_id(entry.value, place);
        if (id != entry.key)
            throw place.refuse("key " + quoted(entry.key) + " and id " + quoted(id) + " differ",
                               "id", id);
        read_user(entry.value, place, roles);
    }
}

void UserRequests::begin(Shape shape, std::size_t size) {
    refuse_empty(size);
    shape_ = shape;
    users_.reserve(size);
}

void UserRequests::read_user(const JsonValue &object, const Place &place, const Roles &roles) {
    Profile profile;
    profile.id = read_id(object, place);
    uint32 fields = read_fields(profile, object, place, roles);
    if ((fields & bit(Field::privacy_settings)) != 0) {
        const auto given = object.object().find("privacy_settings");
        const auto &read = profile.privacy_settings;
        if (!read || read->bytes().data() != given->bytes().data()) {
            fields |= with_made_settings;
            made_settings_.push_back({size(), read});
        }
    }
    const char *start = object.bytes().data();
    users_.push_back(
        {static_cast<uint32>(start - reinterpret_cast<const char *>(request_)), fields});
}

pg::JsonObject UserRequests::object(const User &user) const {
    const char *start = reinterpret_cast<const char *>(request_) + user.object;
    return pg::JsonObject(reinterpret_cast<const JsonbContainer *>(start));
}

// No other key is as short.
std::string_view UserRequests::id(std::size_t i) const {
    return (*object(users_[i]).begin()).value.string();
}

Profile UserRequests::profile(std::size_t i) const {
    const User &user = users_[i];
    const bool has_duration = (user.fields & with_duration) != 0;
    uint32 fields = user.fields & ~(with_duration | with_made_settings);
    Profile profile;
    for (const JsonMember member : object(user)) {
        if (has_duration && member.key == "duration")
            continue;
        const auto field = static_cast<Field>(pg_rightmost_one_pos32(fields));
        fields &= fields - 1;
        if (field == Field::id)
            profile.id = member.value.string();
        else if (!member.value.is_null())
            take_field(profile, field, member.value);
    }
    if ((user.fields & with_made_settings) != 0)
        profile.privacy_settings = made_settings(i);
    return profile;
}

std::optional<JsonValue> UserRequests::made_settings(std::size_t i) const {
    return std::lower_bound(
               made_settings_.begin(), made_settings_.end(), i,
               [](const MadeSettings &made, std::size_t user) { return made.user < user; })
        ->settings;
}

Place UserRequests::place(std::size_t i) const {
    switch (shape_) {
    case Shape::list:
        return Place::entry(i);
    case Shape::map:
        return Place::under(id(i));
    default:
        return Place::bare();
    }
}

} // namespace stream::users
