// PostgreSQL-free
#include "users/fields.hpp"

#include <algorithm>
#include <array>

#include "pg/key_order.hpp"

namespace stream::users {

namespace {

constexpr std::array<std::string_view, field_count> names = {
    "id",
    "name",
    "role",
    "image",
    "mutes",
    "teams",
    "banned",
    "custom",
    "online",
    "devices",
    "language",
    "invisible",
    "created_at",
    "deleted_at",
    "teams_role",
    "updated_at",
    "ban_expires",
    "last_active",
    "unread_count",
    "channel_mutes",
    "shadow_banned",
    "deactivated_at",
    "unread_threads",
    "unread_channels",
    "blocked_user_ids",
    "privacy_settings",
    "avg_response_time",
    "push_notifications",
    "total_unread_count",
    "revoke_tokens_issued_before",
};

constexpr bool in_key_order() {
    for (std::size_t i = 1; i < names.size(); i++)
        if (!pg::key_less(names[i - 1], names[i]))
            return false;
    return true;
}
static_assert(in_key_order(), "a user object is written in the order of this table");
static_assert(names[static_cast<std::size_t>(Field::revoke_tokens_issued_before)] ==
              "revoke_tokens_issued_before");

} // namespace

std::string_view name_of(Field field) {
    return names[static_cast<std::size_t>(field)];
}

std::optional<Field> find_field(std::string_view name) {
    const auto *found = std::lower_bound(names.begin(), names.end(), name, pg::key_less);
    if (found == names.end() || *found != name)
        return std::nullopt;
    return static_cast<Field>(found - names.begin());
}

bool is_settable(Field field) {
    switch (field) {
    case Field::role:
    case Field::name:
    case Field::image:
    case Field::custom:
    case Field::language:
    case Field::invisible:
    case Field::teams:
    case Field::teams_role:
    case Field::privacy_settings:
        return true;
    default:
        return false;
    }
}

bool is_object(Field field) {
    return field == Field::custom || field == Field::teams_role || field == Field::privacy_settings;
}

} // namespace stream::users
