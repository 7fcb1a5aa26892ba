#pragma once
// The old end of the log: what is trimmed, and who may change what has been written.

#include "pg/postgres.hpp"

namespace stream::events {

// Whoever changes events that are in the log, or removes them, holds this lock until the end of its
// transaction. Readers and those who append don't meet it.
void lock_past();

// Trims what stream_users.keep_events no longer keeps, some thousand rows at most. Returns true
// when there is more to trim.
bool trim_some();

} // namespace stream::events
