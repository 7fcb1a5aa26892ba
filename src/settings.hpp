#pragma once
// The settings (GUCs) of the extension, all named stream_users.*; defined in module.cpp.

namespace stream::settings {

extern bool guard_writes;    // stream_users.guard_writes: superusers only
extern int chunk_rows;       // stream_users.chunk_rows: rows of a task's transaction
extern int poll_interval_ms; // stream_users.poll_interval: a waiting worker's safety net
extern char *debug_point;    // stream_users.debug_point: superusers only, for tests

} // namespace stream::settings
