#include "tasks/queue.hpp"

#include "erasure/ledger.hpp"
#include "events/emit.hpp"
#include "pg/array.hpp"
#include "tasks/wake.hpp"

namespace stream::tasks {

namespace {

pg::Statement enqueue_task(R"(
    INSERT INTO stream.tasks (kind, params)
    VALUES ($1, COALESCE($2, '{}'))
    RETURNING id::text, seq)",
                           {TEXTOID, JSONBOID});

pg::Statement enqueue_users(R"(
    INSERT INTO stream.task_users (seq, user_id, detail)
    SELECT $1, u.id, u.detail FROM unnest($2::text[], $3::jsonb[]) AS u(id, detail))",
                            {INT8OID, TEXTARRAYOID, JSONBARRAYOID}, pg::Planning::once);

pg::Statement save_task(R"(
    UPDATE stream.tasks
    SET steps = $2, cursor = $3, done = $4, total = $5, counts = $6, work_seconds = $7, rows_per_second = $8,
        retries = 0, error = NULL, updated_at = clock_timestamp()
    WHERE seq = $1
    RETURNING cancel_requested)",
                        {INT8OID, TEXTARRAYOID, JSONBOID, INT8OID, INT8OID, JSONBOID, FLOAT8OID,
                         FLOAT8OID},
                        pg::Planning::once);

// Whoever wants to cancel the task now has to wait until this transaction has said what becomes of
// it.
pg::Statement read_cancel("SELECT cancel_requested FROM stream.tasks WHERE seq = $1 FOR UPDATE",
                          {INT8OID});

// Waits twice as long after each failure, from 0.1 to 30 seconds; up to a half less by chance, so
// that two who stood in each other's way don't meet again.
pg::Statement retry_task(R"(
    UPDATE stream.tasks
    SET status = 'pending', retries = retries + 1, error = $2, updated_at = clock_timestamp(),
        retry_at = clock_timestamp() + (1 - random() / 2) * least(interval '30 seconds', interval '0.1 seconds' * 2 ^ least(retries, 20))
    WHERE seq = $1)",
                         {INT8OID, JSONBOID});

// A request to cancel the task that came too late stays as it is. A brief task was not marked as
// running before.
pg::Statement complete_task(R"(
    UPDATE stream.tasks
    SET status = 'completed', steps = $2, cursor = $3, done = $4, total = $4, counts = $5, work_seconds = $6,
        rows_per_second = $7, retries = 0, retry_at = NULL, error = NULL, result = $8, worker_pid = NULL,
        attempts = attempts + (worker_pid IS DISTINCT FROM pg_backend_pid())::integer,
        started_at = COALESCE(started_at, clock_timestamp()), updated_at = clock_timestamp(),
        finished_at = clock_timestamp()
    WHERE seq = $1
    RETURNING cancel_requested)",
                            {INT8OID, TEXTARRAYOID, JSONBOID, INT8OID, JSONBOID, FLOAT8OID,
                             FLOAT8OID, JSONBOID},
                            pg::Planning::once);

// What the task touched is in counts; which users it was about is kept while somebody may retry it.
pg::Statement end_task(R"(
    UPDATE stream.tasks
    SET status = $2, error = $3, result = jsonb_build_object('counts', counts), cancel_requested = false,
        worker_pid = NULL, retries = 0, retry_at = NULL, updated_at = clock_timestamp(), finished_at = clock_timestamp()
    WHERE seq = $1)",
                       {INT8OID, TEXTOID, JSONBOID});

pg::Statement forget_users("DELETE FROM stream.task_users WHERE seq = $1", {INT8OID},
                           pg::Planning::once);

Datum cursor_datum(const Cursor &cursor) {
    pg::JsonbWriter w;
    w.begin_object({"key", "step", "found", "driver", "rounds"});
    w.begin_array(cursor.key.size());
    for (const std::string &part : cursor.key)
        w.string(part);
    w.end();
    w.integer(cursor.step);
    w.integer(cursor.found);
    w.string(cursor.driver);
    w.integer(cursor.rounds);
    w.end();
    return w.datum();
}

Datum counts_datum(const Counts &counts) {
    pg::JsonbWriter w;
    write_counts(w, counts);
    return w.datum();
}

pg::Param number(const std::optional<double> &value) {
    return value ? pg::Param::datum(Float8GetDatum(*value)) : pg::Param(std::nullopt);
}

pg::Param error_param(const Failure &failure) {
    pg::JsonbWriter w;
    w.begin_object({"step", "type", "description"});
    w.string(failure.step);
    w.string(failure.sqlstate);
    w.string(failure.message);
    w.end();
    return pg::Param::datum(w.datum());
}

void end(const Task &task, const char *status, const pg::Param &error) {
    end_task.run({task.seq, status, error});
    wake_workers_at_commit();
}

pg::Param steps_of(const Task &task) {
    const pg::Vec<std::string_view> steps(task.steps.begin(), task.steps.end());
    return pg::Param::datum(pg::text_array(steps));
}

pg::Param result_of(const Task &task) {
    pg::JsonbWriter w;
    w.begin_object(task.files_listed ? 2 : 1);
    if (task.files_listed)
        w.key("files");
    w.key("counts");
    if (task.files_listed) {
        w.begin_array(task.files.size());
        for (const std::string &url : task.files)
            w.string(url);
        w.end();
    }
    write_counts(w, task.counts);
    w.end();
    return pg::Param::datum(w.datum());
}

} // namespace

std::optional<std::string> Task::text(std::string_view name) const {
    const auto value = pg::JsonValue(params).object().find(name);
    if (!value || !value->is_string())
        return std::nullopt;
    return std::string(value->string());
}

bool Task::flag(std::string_view name) const {
    const auto value = pg::JsonValue(params).object().find(name);
    return value && value->is_boolean() && value->boolean();
}

void write_counts(pg::JsonbWriter &w, const Counts &counts) {
    w.begin_object(counts.size());
    for (const auto &table : counts)
        w.key(table.first);
    for (const auto &table : counts) {
        w.begin_object(table.second.size());
        for (const auto &mode : table.second)
            w.key(mode.first);
        for (const auto &mode : table.second)
            w.integer(mode.second);
        w.end();
    }
    w.end();
}

std::string enqueue(std::string_view kind, const Jsonb *params,
                    const pg::Vec<std::string_view> &user_ids,
                    const pg::Vec<std::optional<pg::JsonValue>> *details) {
    const pg::Rows task = enqueue_task.run({kind, pg::Param::of(params)});
    std::string id(task[0].text(1));
    pg::ArrayBuilder detail(JSONBOID);
    for (std::size_t i = 0; i < user_ids.size(); i++) {
        if (details == nullptr || !(*details)[i]) {
            detail.add_null();
            continue;
        }
        const auto *value =
            reinterpret_cast<const varlena *>(DatumGetPointer((*details)[i]->datum()));
        detail.add({VARDATA(value), VARSIZE(value) - VARHDRSZ});
    }
    enqueue_users.run({task[0].int8(2), pg::Param::datum(pg::text_array(user_ids)),
                       pg::Param::datum(detail.datum())});
    wake_workers_at_commit();
    return id;
}

bool save(const Task &task) {
    const pg::Rows rows =
        save_task.run({task.seq, steps_of(task), pg::Param::datum(cursor_datum(task.cursor)),
                       task.done, task.total ? pg::Param(*task.total) : pg::Param(std::nullopt),
                       pg::Param::datum(counts_datum(task.counts)), number(task.work_seconds),
                       number(task.rows_per_second)});
    return !rows.empty() && rows[0].boolean(1);
}

bool cancel_requested(const Task &task) {
    const pg::Rows rows = read_cancel.run({task.seq});
    return !rows.empty() && rows[0].boolean(1);
}

bool complete(const Task &task) {
    const pg::Rows rows = complete_task.run(
        {task.seq, steps_of(task), pg::Param::datum(cursor_datum(task.cursor)), task.done,
         pg::Param::datum(counts_datum(task.counts)), number(task.work_seconds),
         number(task.rows_per_second), result_of(task)});
    wake_workers_at_commit();
    events::task_completed(task);
    erasure::record_completion(task);
    forget_users.run({task.seq});
    return !rows.empty() && rows[0].boolean(1);
}

void cancel(const Task &task) {
    end(task, "cancelled", std::nullopt);
    events::emit_task({events::Type::task_cancelled, task.id, task.kind});
}

void fail(const Task &task, const Failure &failure) {
    end(task, "failed", error_param(failure));
    events::emit_task({events::Type::task_failed, task.id, task.kind, failure.sqlstate});
}

// Waiting workers are woken to learn when the retry is due.
void retry_later(const Task &task, const Failure &failure) {
    retry_task.run({task.seq, error_param(failure)});
    wake_workers_at_commit();
}

} // namespace stream::tasks
