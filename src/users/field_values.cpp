// The rules of each settable field: from its value in a request into a profile.

#include "pg/boundary.hpp"
#include "users/profile.hpp"
#include "users/rules.hpp"

namespace stream::users {

namespace {

using pg::JsonMember;
using pg::JsonValue;

std::string indexed(std::string_view name, std::size_t index) {
    return std::string(name) + '[' + std::to_string(index) + ']';
}

std::string joined(std::string_view outer, std::string_view inner) {
    return std::string(outer) + '.' + std::string(inner);
}

// One value of a request: what it must be, and the refusal when it is not.
struct Value {
    const JsonValue &json;
    const Place &place;
    std::string_view id;

    Error refuse(std::string reason, std::string_view path) const {
        return place.refuse(std::move(reason), path, id);
    }
    Error wrong_type(std::string_view path, const char *expected) const {
        return refuse(std::string(path) + " must be " + expected + ", not " + type(), path);
    }
    std::string type() const {
        const std::string name = json.type_name();
        const bool vowel = name == "array" || name == "object";
        return (json.is_null() ? "" : vowel ? "an " : "a ") + name;
    }
    Value inner(const JsonValue &value) const { return {value, place, id}; }

    std::string_view string(std::string_view path) const {
        if (!json.is_string())
            throw wrong_type(path, "a string");
        return json.string();
    }
    bool boolean(std::string_view path) const {
        if (!json.is_boolean())
            throw wrong_type(path, "a boolean");
        return json.boolean();
    }
    pg::JsonObject object(std::string_view path) const {
        if (!json.is_object())
            throw wrong_type(path, "an object");
        return json.object();
    }
    pg::JsonArray array(std::string_view path) const {
        if (!json.is_array())
            throw wrong_type(path, "an array");
        return json.array();
    }
};

std::string_view read_role(const Value &value, std::string_view path, const Roles &roles) {
    const std::string_view role = value.string(path);
    if (!roles.contains(role))
        throw value.refuse("role " + quoted(role) + " does not exist", path)
            .hint("Create the role with stream_create_role, or use one that stream_list_roles() "
                  "shows.");
    return role;
}

std::string_view read_language(const Value &value) {
    const std::string_view language = value.string("language");
    if (!is_language(language))
        throw value.refuse("language " + quoted(language) + " is not an ISO 639-1 code", "language")
            .hint("Write two lower-case letters, with a region where one is needed: en, fr-CA.");
    return language;
}

// Names the first team that an earlier entry names already.
void refuse_duplicate_team(const Value &value, const pg::Vec<std::string_view> &teams) {
    pg::Vec<std::string_view> sorted(teams);
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end())
        return;
    for (auto team = teams.begin(); team != teams.end(); ++team)
        if (std::find(teams.begin(), team, *team) != team)
            throw value.refuse("team " + quoted(*team) + " is listed twice",
                               indexed("teams", static_cast<std::size_t>(team - teams.begin())));
}

pg::Vec<std::string_view> read_teams(const Value &value) {
    const pg::JsonArray array = value.array("teams");
    if (array.size() > max_teams)
        throw value.refuse("a user can be in " + std::to_string(max_teams) + " teams, not in " +
                               std::to_string(array.size()),
                           "teams");
    pg::Vec<std::string_view> teams;
    teams.reserve(array.size());
    for (const JsonValue team : array)
        teams.push_back(team.is_string()
                            ? team.string()
                            : value.inner(team).string(indexed("teams", teams.size())));
    refuse_duplicate_team(value, teams);
    return teams;
}

// A map that names no team says nothing, so it counts as left out.
std::optional<JsonValue> read_teams_role(const Value &value, const Roles &roles) {
    const pg::JsonObject map = value.object("teams_role");
    for (const JsonMember entry : map)
        read_role(value.inner(entry.value), joined("teams_role", entry.key), roles);
    return map.size() == 0 ? std::nullopt : std::optional(value.json);
}

void check_privacy_setting(const Value &setting, const std::string &path) {
    bool seen = false;
    for (const JsonMember member : setting.object(path)) {
        const std::string inside = joined(path, member.key);
        if (member.key != "enabled")
            throw setting.refuse("unknown key " + quoted(member.key), inside);
        setting.inner(member.value).boolean(inside);
        seen = true;
    }
    if (!seen)
        throw setting.refuse(path + " must say whether it is enabled", joined(path, "enabled"))
            .hint("Leave the whole setting out to have no value of it.");
}

// The settings without those that are null, which count as left out.
std::optional<JsonValue> read_privacy_settings(const Value &value) {
    constexpr std::string_view field = "privacy_settings";
    const pg::JsonObject settings = value.object(field);
    pg::Vec<JsonMember> given;
    for (const JsonMember setting : settings) {
        const std::string path = joined(field, setting.key);
        if (setting.key != "typing_indicators" && setting.key != "read_receipts" &&
            setting.key != "delivery_receipts")
            throw value.refuse("unknown key " + quoted(setting.key), path);
        if (setting.value.is_null())
            continue;
        check_privacy_setting(value.inner(setting.value), path);
        given.push_back(setting);
    }
    if (given.empty())
        return std::nullopt;
    if (given.size() == settings.size())
        return value.json;
    pg::JsonbWriter w;
    w.begin_object(given.size());
    for (const JsonMember &setting : given)
        w.key(setting.key);
    for (const JsonMember &setting : given)
        w.value(setting.value);
    w.end();
    return w.json();
}

JsonValue read_custom(const Value &value) {
    value.object("custom");
    return value.json;
}

} // namespace

void set_field(Profile &profile, Field field, const JsonValue &value, const Place &place,
               const Roles &roles) {
    if (value.is_null()) {
        unset_field(profile, field);
        return;
    }
    const Value given{value, place, profile.id};
    switch (field) {
    case Field::role:
        profile.role = read_role(given, "role", roles);
        break;
    case Field::name:
        profile.name = given.string("name");
        break;
    case Field::image:
        profile.image = given.string("image");
        break;
    case Field::custom:
        profile.custom = read_custom(given);
        break;
    case Field::teams:
        profile.teams = read_teams(given);
        break;
    case Field::teams_role:
        profile.teams_role = read_teams_role(given, roles);
        break;
    case Field::language:
        profile.language = read_language(given);
        break;
    case Field::invisible:
        profile.invisible = given.boolean("invisible");
        break;
    case Field::privacy_settings:
        profile.privacy_settings = read_privacy_settings(given);
        break;
    default:
        Assert(is_settable(field));
    }
}

void unset_field(Profile &profile, Field field) {
    Profile defaults;
    switch (field) {
    case Field::role:
        profile.role = defaults.role;
        break;
    case Field::name:
        profile.name = defaults.name;
        break;
    case Field::image:
        profile.image = defaults.image;
        break;
    case Field::custom:
        profile.custom = defaults.custom;
        break;
    case Field::teams:
        profile.teams.clear();
        break;
    case Field::teams_role:
        profile.teams_role = defaults.teams_role;
        break;
    case Field::language:
        profile.language = defaults.language;
        break;
    case Field::invisible:
        profile.invisible = defaults.invisible;
        break;
    case Field::privacy_settings:
        profile.privacy_settings = defaults.privacy_settings;
        break;
    default:
        Assert(is_settable(field));
    }
}

void check_teams_role(const Profile &profile, const Place &place, std::string_view path) {
    if (!profile.teams_role)
        return;
    for (const JsonMember entry : profile.teams_role->object()) {
        if (std::find(profile.teams.begin(), profile.teams.end(), entry.key) != profile.teams.end())
            continue;
        const std::string role_path = joined("teams_role", entry.key);
        throw place
            .refuse("the user is not in team " + quoted(entry.key) + " and can't have a role in it",
                    path.empty() ? role_path : path, profile.id)
            .hint("List the team in teams, or leave its role out of teams_role.");
    }
}

} // namespace stream::users
