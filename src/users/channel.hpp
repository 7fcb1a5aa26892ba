#pragma once
// The channel that a mute or a ban shows.

#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"

namespace stream::users {

// Writes a channel as the next value of w. From its column first on the row has the channel's cid,
// as whatever refers to it has it, and then id, team, type, custom, created_at, deleted_at and
// updated_at of stream.channels. Of a channel that is not there its cid is known, and with it the
// type and the id.
void write_channel(pg::JsonbWriter &w, const pg::Row &row, int first);

} // namespace stream::users
