#include "tasks/trim.hpp"

#include "pg/spi.hpp"
#include "settings.hpp"

namespace stream::tasks {

namespace {

constexpr int64 batch = 1000;

// A deletion that did not complete stays as long as users are marked by it: nothing but its retry
// can finish what the mark promises.
pg::Statement trim_tasks(R"(
    WITH old AS (
        SELECT t.seq
        FROM stream.tasks t
        WHERE t.finished_at < $1
          AND (t.status = 'completed'
               OR NOT EXISTS (SELECT
                              FROM stream.task_users u JOIN stream.users d ON d.id = u.user_id
                              WHERE u.seq = t.seq AND d.deleted_by_task = t.id))
        ORDER BY t.finished_at
        LIMIT $2
        FOR UPDATE OF t SKIP LOCKED
    ), users AS (
        DELETE FROM stream.task_users u USING old WHERE u.seq = old.seq
    ), exports AS (
        DELETE FROM stream.export_rows e USING stream.tasks t, old WHERE t.seq = old.seq AND e.task_id = t.id
    ), files AS (
        DELETE FROM stream.task_files f USING old WHERE f.seq = old.seq
    )
    DELETE FROM stream.tasks t USING old WHERE t.seq = old.seq)",
                         {TIMESTAMPTZOID, INT8OID}, pg::Planning::once);

// An owner of the extension who may not touch pg_cron's records leaves them alone.
pg::Statement cron_is_ours(R"(
    SELECT
    FROM pg_extension e, pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
    WHERE e.extname = 'pg_cron' AND n.nspname = 'cron' AND c.relname = 'job_run_details'
      AND has_schema_privilege(n.oid, 'USAGE')
      AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'DELETE'))",
                           {});

// The records have no index but that of their number, which grows with time.
pg::Statement trim_runs(R"(
    WITH looked_at AS MATERIALIZED (
        SELECT r.runid, r.database, r.command, r.status, COALESCE(r.end_time, r.start_time) AS ended
        FROM cron.job_run_details r
        WHERE r.runid > $2
        ORDER BY r.runid
        LIMIT $3
    ), trimmed AS (
        DELETE FROM cron.job_run_details d
        USING looked_at r
        WHERE d.runid = r.runid AND r.ended < $1 AND r.status IN ('succeeded', 'failed')
          AND r.database = current_database()
          AND r.command LIKE 'CALL %stream\_run\_tasks(run\_for => %, slot => %)'
    )
    SELECT max(runid), count(*) = $3 AND max(ended) < $1 FROM looked_at)",
                        {TIMESTAMPTZOID, INT8OID, INT8OID});

} // namespace

bool Trim::trim_a_batch() {
    if (settings::keep_tasks_minutes < 0)
        return false;
    const TimestampTz before =
        GetCurrentTimestamp() - settings::keep_tasks_minutes * USECS_PER_MINUTE;
    if (static_cast<int64>(trim_tasks.run({before, batch}).processed()) >= batch)
        return true;
    return !cron_is_ours.run({}).empty() && trim_cron(before);
}

bool Trim::trim_cron(TimestampTz before) {
    const pg::Rows rows = trim_runs.run({before, last_run_, batch});
    if (!rows[0].boolean(2))
        return false;
    last_run_ = rows[0].int8(1);
    return true;
}

} // namespace stream::tasks
