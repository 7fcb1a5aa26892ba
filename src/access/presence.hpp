#pragma once
// Who is there. stream.users.online says that a user has come and not left; a user that was last
// seen longer than stream_users.presence_timeout ago, or that is deactivated or deleted, is not
// there whatever it says.

#include "pg/postgres.hpp"

namespace stream::access {

// Users last seen after this are there; before every time when presence does not end by itself.
TimestampTz present_since();

// Writes down that users are gone who did not say so, at most a batch of them. Returns true when
// there may be more.
bool end_lapsed_presence();

} // namespace stream::access
