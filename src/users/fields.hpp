#pragma once
// The fields of the API's user object. PostgreSQL-free.

#include <cstddef>
#include <optional>
#include <string_view>

namespace stream::users {

// In the order in which jsonb keeps an object's keys, so that a user object is written in one pass.
enum class Field {
    id,
    name,
    role,
    image,
    mutes,
    teams,
    banned,
    custom,
    online,
    devices,
    language,
    invisible,
    created_at,
    deleted_at,
    teams_role,
    updated_at,
    ban_expires,
    last_active,
    unread_count,
    channel_mutes,
    shadow_banned,
    deactivated_at,
    unread_threads,
    unread_channels,
    blocked_user_ids,
    privacy_settings,
    avg_response_time,
    push_notifications,
    total_unread_count,
    revoke_tokens_issued_before,
};

constexpr std::size_t field_count = 30;

std::string_view name_of(Field field);

// The field of that name, if a user object has one.
std::optional<Field> find_field(std::string_view name);

// Whether callers set it: by replacing (then with id) or by patching.
bool is_settable(Field field);

// Whether a patch can reach inside: custom, teams_role, privacy_settings.
bool is_object(Field field);

} // namespace stream::users
