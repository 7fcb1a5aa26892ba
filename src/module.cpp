// Magic block and settings; nothing else.

#include "pg/postgres.hpp"

#include "settings.hpp"
#include "tasks/debug_point.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

namespace stream::settings {

bool guard_writes = true;
int chunk_rows = 2000;
int poll_interval_ms = 5000;
char *debug_point = nullptr;

} // namespace stream::settings

using namespace stream;

void _PG_init(void) {
    DefineCustomBoolVariable("stream_users.guard_writes",
                             "Refuses inserts whose author is a deleted or deactivated user.",
                             "Turn it off to load historical data.", &settings::guard_writes, true,
                             PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "stream_users.chunk_rows", "Rows a task handles in one transaction.",
        "Smaller chunks hold locks for a shorter time, larger ones finish sooner.",
        &settings::chunk_rows, settings::chunk_rows, 1, 1000000, PGC_USERSET, 0, nullptr, nullptr,
        nullptr);
    DefineCustomIntVariable(
        "stream_users.poll_interval",
        "Time after which a waiting worker looks for tasks without having been woken.",
        "Commits that enqueue a task wake a waiting worker at once; this is the safety net.",
        &settings::poll_interval_ms, settings::poll_interval_ms, 10, 3600000, PGC_USERSET,
        GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomStringVariable(
        "stream_users.debug_point", "Where a test stops, fails or kills a worker.",
        "point:action[:nth]; see docs/architecture.md.", &settings::debug_point, "", PGC_SUSET,
        GUC_NOT_IN_SAMPLE, tasks::check_debug_point, tasks::assign_debug_point, nullptr);
    MarkGUCPrefixReserved("stream_users");
}
