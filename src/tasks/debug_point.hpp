#pragma once
// Points at which a test stops, fails or kills a process at an exact place of a task's life. The
// setting stream_users.debug_point, which only superusers may set, arms one of them:
//
//   point:kill[:nth]                      the process is ended by SIGKILL: the server crashes
//   point:postmaster[:nth]                the whole server is stopped at once, without a checkpoint
//   point:wait[:nth]                      waits while another session holds pg_advisory_lock(5355)
//   point:error:SQLSTATE[:nth[:times]]    raises an error, times times (1)
//
// at the nth (1) passing of the point in this session since the setting was made.

#include "pg/postgres.hpp"

namespace stream::tasks {

enum class DebugPoint {
    before_claim_commit, // a task is taken up, not committed
    after_claim_commit,
    inside_chunk,        // a batch's rows are handled, progress is not saved
    before_chunk_commit, // progress is saved, not committed
    after_chunk_commit,
    before_end_commit, // the last chunk is done and the task completed or cancelled, not committed
    after_end_commit,
};

namespace detail {
extern bool debug_point_armed;
void pass(DebugPoint point);
} // namespace detail

// Does what the setting asks for at this point: as a rule nothing.
inline void debug_point(DebugPoint point) {
    if (detail::debug_point_armed)
        detail::pass(point);
}

// The hooks of the setting.
bool check_debug_point(char **value, void **extra, GucSource source);
void assign_debug_point(const char *value, void *extra);

} // namespace stream::tasks
