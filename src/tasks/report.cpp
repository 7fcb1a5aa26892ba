// What callers see of tasks: get, wait, cancel, retry.

#include "erasure/holds.hpp"
#include "events/emit.hpp"
#include "pg/array.hpp"
#include "pg/transaction.hpp"
#include "tasks/claim.hpp"
#include "tasks/lock_tags.hpp"
#include "tasks/wake.hpp"

using namespace stream;

namespace {

pg::Statement read_status(R"(
    SELECT t.id::text, t.status, t.created_at, t.updated_at, t.result, t.error,
           to_jsonb(p.done), to_jsonb(p.total), to_jsonb(p.percent), to_jsonb(p.rows_per_second),
           to_jsonb(p.eta_seconds), to_jsonb(p.step)
    FROM stream.tasks t JOIN stream.task_progress p ON p.task_id = t.id
    WHERE t.id = $1)",
                          {UUIDOID});

pg::Statement read_end("SELECT status FROM stream.tasks WHERE id = $1", {UUIDOID});

pg::Statement written_by("SELECT xmin FROM stream.tasks WHERE id = $1", {UUIDOID});

pg::Statement lock_status(R"(
    SELECT seq, status, worker_pid FROM stream.tasks WHERE id = $1 FOR UPDATE)",
                          {UUIDOID});

pg::Statement request_cancel("UPDATE stream.tasks SET cancel_requested = true WHERE id = $1",
                             {UUIDOID});

pg::Statement cancel_now(R"(
    UPDATE stream.tasks
    SET status = 'cancelled', result = jsonb_build_object('counts', counts), error = NULL,
        retries = 0, retry_at = NULL, worker_pid = NULL,
        updated_at = clock_timestamp(), finished_at = clock_timestamp()
    WHERE id = $1
    RETURNING kind)",
                         {UUIDOID});

pg::Statement retry_now(R"(
    UPDATE stream.tasks
    SET status = 'pending', error = NULL, result = '{}', finished_at = NULL, cancel_requested = false,
        updated_at = clock_timestamp()
    WHERE id = $1)",
                        {UUIDOID});

// Session locks of workers, as lock_tags.hpp makes them.
pg::Statement worker_lives(R"(
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 21334 AND pid = $1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
                           {INT4OID});

pg::Statement still_running(
    "SELECT FROM stream.tasks WHERE id = $1 AND status = 'running' AND worker_pid = $2",
    {UUIDOID, INT4OID});

pg::Param uuid_argument(const pg::Call &call) {
    if (call.is_null(0))
        throw bad_input("task id must not be null").at("id");
    return pg::Param::datum(call.datum(0));
}

std::string uuid_text(const pg::Call &call) {
    const Datum id = call.datum(0);
    return pg::guard(
        [id]() noexcept { return DatumGetCString(DirectFunctionCall1(uuid_out, id)); });
}

// The plan that reads progress is kept while the queue grows and empties. Ends with the SET clause
// of the SQL function.
void plan_by_index() {
    pg::set_for_now("enable_seqscan", "off");
}

Error unknown_task(const pg::Call &call) {
    const std::string id = uuid_text(call);
    return not_found("task " + quoted(id) + " does not exist")
        .at("id")
        .of(id)
        .hint("Old finished tasks may have been removed.");
}

void write_progress(pg::JsonbWriter &w, const pg::Row &row) {
    struct Field {
        std::string_view key;
        int column;
    };
    static constexpr Field fields[] = {{"done", 7},         {"step", 12},
                                       {"total", 8},        {"percent", 9},
                                       {"eta_seconds", 11}, {"rows_per_second", 10}};
    std::size_t n = 0;
    for (const Field &f : fields)
        n += row.is_null(f.column) ? 0 : 1;
    w.begin_object(n);
    for (const Field &f : fields)
        if (!row.is_null(f.column))
            w.key(f.key);
    for (const Field &f : fields)
        if (!row.is_null(f.column))
            w.value(row.jsonb(f.column));
    w.end();
}

Datum task_response(const pg::Call &call, const pg::Row &row) {
    const Jsonb *error = row.jsonb(6);
    pg::JsonbWriter w(call.result_context());
    w.begin_object(error == nullptr ? 7 : 8);
    if (error != nullptr)
        w.key("error");
    for (const char *key :
         {"result", "status", "task_id", "duration", "progress", "created_at", "updated_at"})
        w.key(key);
    if (error != nullptr)
        w.value(error);
    w.value(row.jsonb(5));
    w.string(row.text(2));
    w.string(row.text(1));
    w.string(call.duration());
    write_progress(w, row);
    w.timestamp(*row.timestamp(3));
    w.timestamp(*row.timestamp(4));
    w.end();
    return w.datum();
}

bool is_over(std::string_view status) {
    return status == "completed" || status == "failed" || status == "cancelled";
}

void sleep_a_little(long milliseconds) {
    pg::guard([milliseconds]() noexcept {
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
                  PG_WAIT_EXTENSION);
    });
    ResetLatch(MyLatch);
    pg::check_interrupts();
}

// The response once the task is over, or at_last is set; else nothing.
std::optional<Datum> poll(const pg::Call &call, const pg::Param &id, bool at_last) {
    const pg::LatestSnapshot now;
    if (!at_last) {
        const pg::Rows end = read_end.read({id});
        if (end.empty())
            throw unknown_task(call);
        if (!is_over(end[0].text(1)))
            return std::nullopt;
    }
    const pg::Rows rows = read_status.read({id});
    if (rows.empty())
        throw unknown_task(call);
    return task_response(call, rows[0]);
}

Datum task_id_response(const pg::Call &call, std::string_view status) {
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"status", "task_id", "duration"});
    w.string(status);
    w.string(uuid_text(call));
    w.string(call.duration());
    w.end();
    return w.datum();
}

} // namespace

STREAM_FUNCTION(stream_get_task, "GetTask") {
    const pg::Param id = uuid_argument(call);
    plan_by_index();
    const pg::Rows rows = read_status.run({id});
    if (rows.empty())
        throw unknown_task(call);
    return task_response(call, rows[0]);
}

// What a running task's row says may be older than what locks say: when the worker seems gone, the
// row is read again. A standby knows nothing of the locks of its primary.
STREAM_FUNCTION(stream_worker_is_gone, "GetTask") {
    if (call.is_null(0) || call.is_null(1) || RecoveryInProgress())
        return BoolGetDatum(false);
    const pg::Param id = pg::Param::datum(call.datum(0));
    const pg::Param pid = pg::Param::datum(call.datum(1));
    if (!worker_lives.run({pid}).empty())
        return BoolGetDatum(false);
    const pg::LatestSnapshot now;
    return BoolGetDatum(!still_running.read({id, pid}).empty());
}

// Sleeps 1 ms after the first look and at most 50 ms later, so that a short task is seen at once
// and a long one costs next to nothing.
STREAM_FUNCTION(stream_wait_task, "GetTask") {
    const pg::Param id = uuid_argument(call);
    plan_by_index();
    if (call.is_null(1))
        throw bad_input("timeout must not be null").at("timeout");
    {
        const pg::Rows writer = written_by.run({id});
        if (!writer.empty() &&
            TransactionIdIsCurrentTransactionId(DatumGetTransactionId(writer[0].datum(1))))
            throw bad_input("task " + quoted(uuid_text(call)) + " is not committed yet")
                .at("id")
                .of(uuid_text(call))
                .hint("Commit the transaction that made the task, then wait for it.");
    }
    const Datum timeout = call.datum(1);
    const TimestampTz deadline = pg::guard([timeout]() noexcept {
        return DatumGetTimestampTz(DirectFunctionCall2(
            timestamptz_pl_interval, TimestampTzGetDatum(GetCurrentTimestamp()), timeout));
    });
    for (long pause = 1;; pause = std::min(pause * 2, 50L)) {
        if (const auto response = poll(call, id, GetCurrentTimestamp() >= deadline))
            return *response;
        sleep_a_little(pause);
    }
}

STREAM_FUNCTION(stream_cancel_task, "CancelTask") {
    const pg::Param id = uuid_argument(call);
    const pg::Rows rows = lock_status.run({id});
    if (rows.empty())
        throw unknown_task(call);
    const std::string_view status = rows[0].text(2);
    if (is_over(status))
        throw bad_input("task " + quoted(uuid_text(call)) + " is " + std::string(status) +
                        ", it can't be cancelled")
            .at("id")
            .of(uuid_text(call));
    // Without a living worker the task ends here; otherwise its worker ends it.
    if (tasks::TaskLock::try_acquire(rows[0].int8(1))) {
        const pg::Rows ended = cancel_now.run({id});
        events::emit_task({events::Type::task_cancelled, uuid_text(call), ended[0].text(1)});
        tasks::wake_workers_at_commit();
        return task_id_response(call, "cancelled");
    }
    request_cancel.run({id});
    if (!rows[0].is_null(3))
        tasks::cancel_backend_at_commit(rows[0].int4(3));
    return task_id_response(call, status);
}

STREAM_FUNCTION(stream_retry_task, "RetryTask") {
    const pg::Param id = uuid_argument(call);
    const pg::Rows rows = lock_status.run({id});
    if (rows.empty())
        throw unknown_task(call);
    const std::string_view status = rows[0].text(2);
    if (status != "failed" && status != "cancelled")
        throw bad_input("task " + quoted(uuid_text(call)) + " is " + std::string(status) +
                        ", it can't be retried")
            .at("id")
            .of(uuid_text(call))
            .hint("Only a failed or cancelled task can be retried.");
    erasure::refuse_retry(rows[0].int8(1));
    retry_now.run({id});
    tasks::wake_workers_at_commit();
    return task_id_response(call, "pending");
}
