// Trimming the log, by workers and by stream_trim_events.

#include "events/past.hpp"

#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"
#include "settings.hpp"

using namespace stream;

namespace stream::events {

namespace {

constexpr int64 rows_at_once = 10000;

// $1 the time before which events go, $2 rows at most, $3 this server. What goes is the beginning
// of the log, and never a row before which something may yet appear.
pg::Statement trim(R"(
    WITH oldest AS (
        SELECT seq, created_at,
               origin <> $3 OR settles_at <= pg_snapshot_xmin(pg_current_snapshot()) AS settled
        FROM stream.events
        ORDER BY seq
        LIMIT $2),
    last AS (
        SELECT max(seq) AS seq
        FROM oldest
        WHERE settled AND seq < COALESCE((SELECT min(seq) FROM oldest WHERE created_at >= $1), 9223372036854775807)),
    noted AS (
        INSERT INTO stream.events_trimmed (seq, events)
        SELECT seq, greatest(cardinality(user_ids), 1)
        FROM stream.events
        WHERE seq = (SELECT seq FROM last)
        ON CONFLICT (one) DO UPDATE SET seq = EXCLUDED.seq, events = EXCLUDED.events),
    trimmed AS (
        DELETE FROM stream.events
        WHERE seq <= (SELECT seq FROM last)
        RETURNING seq)
    SELECT count(*) FROM trimmed)",
                   {TIMESTAMPTZOID, INT8OID, INT8OID}, pg::Planning::once);

int64 trim_rows(TimestampTz before) {
    return trim
        .run({static_cast<int64>(before), rows_at_once,
              static_cast<int64>(GetSystemIdentifier())})[0]
        .int8(1);
}

TimestampTz kept_since() {
    return GetCurrentTimestamp() - int64{settings::keep_events_minutes} * USECS_PER_MINUTE;
}

Oid lock_relation() {
    return get_relname_relid("events_trimmed", get_namespace_oid("stream", false));
}

bool try_lock_past() {
    return pg::guard([]() noexcept {
        return ConditionalLockRelationOid(lock_relation(), ShareUpdateExclusiveLock);
    });
}

// The time before which events are to go, as older_than says it.
TimestampTz cutoff_argument(const pg::Call &call) {
    const Datum older_than = call.datum(0);
    const TimestampTz now = GetCurrentTimestamp();
    const TimestampTz cutoff = pg::guard([older_than, now]() noexcept {
        return DatumGetTimestampTz(
            DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now), older_than));
    });
    if (cutoff > now)
        throw bad_input("older_than must not be negative").at("older_than");
    return cutoff;
}

} // namespace

void lock_past() {
    pg::guard([]() noexcept { LockRelationOid(lock_relation(), ShareUpdateExclusiveLock); });
}

bool trim_some() {
    return settings::keep_events_minutes >= 0 && try_lock_past() &&
           trim_rows(kept_since()) == rows_at_once;
}

} // namespace stream::events

// stream_trim_events(older_than)
STREAM_FUNCTION(stream_trim_events, "TrimEvents") {
    int64 trimmed = 0;
    if (!call.is_null(0) || settings::keep_events_minutes >= 0) {
        const TimestampTz before =
            call.is_null(0) ? events::kept_since() : events::cutoff_argument(call);
        events::lock_past();
        int64 rows = events::rows_at_once;
        while (rows == events::rows_at_once) {
            pg::check_interrupts();
            rows = events::trim_rows(before);
            trimmed += rows;
        }
    }
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"rows", "duration"});
    w.integer(trimmed);
    w.string(call.duration());
    w.end();
    return w.datum();
}
