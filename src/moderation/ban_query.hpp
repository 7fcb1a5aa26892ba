#pragma once
// What stream_query_banned_users understands. PostgreSQL-free.

#include "users/filter.hpp"

namespace stream::moderation {

// The statement that returns the bans of a query: columns is its SELECT list, for a row b of
// stream.bans and the row c of stream.channels it may belong to. Throws Error (code 4) with the
// path of what is wrong in the request.
users::CompiledQuery compile_ban_query(const users::Json &request, std::string_view columns);

} // namespace stream::moderation
