// Magic block and settings; nothing else.

#include "pg/postgres.hpp"

#include "settings.hpp"

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
    define_event_settings();
    MarkGUCPrefixReserved("stream_users");
}
