#pragma once
// Whether a user is pushed to: {"disabled": boolean, "disabled_until": nanoseconds}, each optional.

#include "users/record.hpp"

namespace stream::users {

// What is in force of the user's setting at that time: no value once disabled_until is over, with
// which all of it has run out.
std::optional<pg::JsonValue> push_notifications_in_force(const UserRecord &user, TimestampTz now);

} // namespace stream::users
