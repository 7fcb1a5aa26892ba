#pragma once
// The settings (GUCs) of the extension, all named stream_users.*; defined in module.cpp.

#include <algorithm>

namespace stream::settings {

extern bool guard_writes;    // stream_users.guard_writes: superusers only
extern int chunk_rows;       // stream_users.chunk_rows: rows of a task's transaction
extern int poll_interval_ms; // stream_users.poll_interval: a waiting worker's safety net
extern char *debug_point;    // stream_users.debug_point: superusers only, for tests

// Of tasks.
extern int max_retries;        // stream_users.max_retries: of one chunk, by itself
extern int lock_timeout_ms;    // stream_users.lock_timeout: of a chunk; 0 for the session's own
extern int chunk_pause_ms;     // stream_users.chunk_pause: between two chunks
extern int rows_per_second;    // stream_users.rows_per_second: 0 for no limit
extern int keep_tasks_minutes; // stream_users.keep_tasks: of a task that is over; -1 for ever

// Rows of a chunk: no more than a throttled worker may handle in a second.
inline int rows_at_once() {
    return rows_per_second > 0 ? std::min(chunk_rows, rows_per_second) : chunk_rows;
}

// stream_users.events: where events go; superusers only
enum class Events : int { off, notify, outbox, on };
extern Events events;
extern int keep_events_minutes; // stream_users.keep_events: -1 is for ever; superusers only

extern bool response_times; // stream_users.response_times: workers keep avg_response_time

extern int presence_timeout_seconds; // stream_users.presence_timeout: 0 for ever; superusers only

} // namespace stream::settings
