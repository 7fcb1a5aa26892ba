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
Events events = Events::on;
int keep_events_minutes = 7 * 24 * 60;
char *debug_point = nullptr;
int max_retries = 10;
int lock_timeout_ms = 5000;
int chunk_pause_ms = 0;
int rows_per_second = 0;
int keep_tasks_minutes = 30 * 24 * 60;
int presence_timeout_seconds = 120;
bool response_times = true;

} // namespace stream::settings

using namespace stream;

namespace {

const config_enum_entry events_values[] = {
    {"on", static_cast<int>(settings::Events::on), false},
    {"outbox", static_cast<int>(settings::Events::outbox), false},
    {"notify", static_cast<int>(settings::Events::notify), false},
    {"off", static_cast<int>(settings::Events::off), false},
    {nullptr, 0, false}};

void assign_events(int value, void *) {
    settings::events = static_cast<settings::Events>(value);
}

// Superusers only: nobody else may keep what he does out of the log.
void define_event_settings() {
    static int value = static_cast<int>(settings::events);
    DefineCustomEnumVariable("stream_users.events",
                             "Where events of users and tasks are told: on, outbox, notify or off.",
                             "outbox writes them to the log that stream_read_events() reads, "
                             "notify sends them to the channel stream_users, on does both.",
                             &value, value, events_values, PGC_SUSET, 0, nullptr, assign_events,
                             nullptr);
    DefineCustomIntVariable(
        "stream_users.keep_events", "Time after which workers remove events from the log.",
        "-1 keeps them for ever.", &settings::keep_events_minutes, settings::keep_events_minutes,
        -1, INT_MAX, PGC_SUSET, GUC_UNIT_MIN, nullptr, nullptr, nullptr);
}

void define_task_settings() {
    DefineCustomIntVariable(
        "stream_users.max_retries", "How often a chunk is retried by itself before its task fails.",
        "After serialization failures, deadlocks and lock timeouts only, after 0.1 to 30 seconds.",
        &settings::max_retries, settings::max_retries, 0, 1000000, PGC_USERSET, 0, nullptr, nullptr,
        nullptr);
    DefineCustomIntVariable("stream_users.lock_timeout",
                            "How long a chunk waits for any lock before it is rolled back.",
                            "The chunk is then retried; 0 leaves it to lock_timeout.",
                            &settings::lock_timeout_ms, settings::lock_timeout_ms, 0, INT_MAX,
                            PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("stream_users.chunk_pause", "How long a worker rests after a chunk.",
                            "On a busy system: it holds no lock meanwhile.",
                            &settings::chunk_pause_ms, settings::chunk_pause_ms, 0, 3600000,
                            PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "stream_users.rows_per_second", "Rows that a worker handles in a second at most.",
        "0 means as many as it can.", &settings::rows_per_second, settings::rows_per_second, 0,
        INT_MAX, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("stream_users.keep_tasks",
                            "How long a task that is over is kept, and a record of pg_cron's runs.",
                            "-1 means for ever.", &settings::keep_tasks_minutes,
                            settings::keep_tasks_minutes, -1, INT_MAX, PGC_USERSET, GUC_UNIT_MIN,
                            nullptr, nullptr, nullptr);
}

} // namespace

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
    DefineCustomIntVariable(
        "stream_users.presence_timeout",
        "Time after which a user who has not connected again is no longer online.",
        "0 keeps users online until they disconnect.", &settings::presence_timeout_seconds,
        settings::presence_timeout_seconds, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr,
        nullptr);
    DefineCustomBoolVariable("stream_users.response_times",
                             "Workers keep users' avg_response_time when they have nothing to do.",
                             "Off leaves it as it is.", &settings::response_times, true,
                             PGC_USERSET, 0, nullptr, nullptr, nullptr);
    define_event_settings();
    define_task_settings();
    DefineCustomStringVariable(
        "stream_users.debug_point", "Where a test stops, fails or kills a worker.",
        "point:action[:nth]; see docs/architecture.md.", &settings::debug_point, "", PGC_SUSET,
        GUC_NOT_IN_SAMPLE, tasks::check_debug_point, tasks::assign_debug_point, nullptr);
    MarkGUCPrefixReserved("stream_users");
}
