#pragma once
// The settings (GUCs) of the extension, all named stream_users.*; defined in module.cpp.

namespace stream::settings {

extern bool guard_writes;    // stream_users.guard_writes: superusers only
extern int chunk_rows;       // stream_users.chunk_rows: rows of a task's transaction
extern int poll_interval_ms; // stream_users.poll_interval: a waiting worker's safety net

// stream_users.events: where events go; superusers only
enum class Events : int { off, notify, outbox, on };
extern Events events;
extern int keep_events_minutes; // stream_users.keep_events: -1 is for ever; superusers only

} // namespace stream::settings
