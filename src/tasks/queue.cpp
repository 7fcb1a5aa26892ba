#include "tasks/queue.hpp"

#include "erasure/ledger.hpp"
#include "pg/array.hpp"
#include "tasks/lock_tags.hpp"
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
                            {INT8OID, TEXTARRAYOID, JSONBARRAYOID});

// A task that shares a user with an older unfinished one waits for it.
pg::Statement due_tasks(R"(
    SELECT t.seq
    FROM stream.tasks t
    WHERE t.status IN ('pending', 'running') AND t.seq <> ALL ($1)
      AND NOT EXISTS (SELECT
                      FROM stream.task_users u
                      JOIN stream.task_users o ON o.user_id = u.user_id AND o.seq < u.seq
                      JOIN stream.tasks older ON older.seq = o.seq AND older.status IN ('pending', 'running')
                      WHERE u.seq = t.seq)
    ORDER BY t.seq
    LIMIT 64)",
                        {INT8ARRAYOID});

// A worker that comes back to a task which was blocked makes no new attempt.
pg::Statement start_task(R"(
    UPDATE stream.tasks
    SET status = 'running', worker_pid = pg_backend_pid(),
        attempts = attempts + (worker_pid IS DISTINCT FROM pg_backend_pid())::integer,
        started_at = COALESCE(started_at, clock_timestamp()), updated_at = clock_timestamp()
    WHERE seq = $1 AND status IN ('pending', 'running')
    RETURNING id::text, seq, kind, params, steps, cursor, done, total, counts)",
                         {INT8OID});

pg::Statement find_task("SELECT seq FROM stream.tasks WHERE id = $1::uuid", {TEXTOID});

pg::Statement save_task(R"(
    UPDATE stream.tasks
    SET steps = $2, cursor = $3, done = $4, total = $5, counts = $6, updated_at = clock_timestamp()
    WHERE seq = $1
    RETURNING cancel_requested)",
                        {INT8OID, TEXTARRAYOID, JSONBOID, INT8OID, INT8OID, JSONBOID});

// A task with a known end: what it touched is in counts; which users it was about is kept only
// while somebody may retry it.
pg::Statement end_task(R"(
    UPDATE stream.tasks
    SET status = $2, error = $3, result = COALESCE($4, result), cancel_requested = false,
        worker_pid = NULL, total = CASE WHEN $2 = 'completed' THEN done ELSE total END,
        updated_at = clock_timestamp(), finished_at = clock_timestamp()
    WHERE seq = $1)",
                       {INT8OID, TEXTOID, JSONBOID, JSONBOID});

pg::Statement forget_users("DELETE FROM stream.task_users WHERE seq = $1", {INT8OID});

Datum int8_array(const std::vector<int64> &values) {
    std::vector<Datum> datums;
    datums.reserve(values.size());
    for (const int64 v : values)
        datums.push_back(Int64GetDatum(v));
    Datum *elements = datums.data();
    const int n = static_cast<int>(datums.size());
    return PointerGetDatum(pg::guard([elements, n]() noexcept {
        return construct_array(elements, n, INT8OID, sizeof(int64), true, TYPALIGN_DOUBLE);
    }));
}

Datum cursor_datum(const Cursor &cursor) {
    pg::JsonbWriter w;
    w.begin_object({"key", "step", "found", "driver"});
    w.begin_array(cursor.key.size());
    for (const std::string &part : cursor.key)
        w.string(part);
    w.end();
    w.integer(cursor.step);
    w.integer(cursor.found);
    w.string(cursor.driver);
    w.end();
    return w.datum();
}

Cursor read_cursor(const Jsonb *jsonb) {
    Cursor cursor;
    if (jsonb == nullptr)
        return cursor;
    for (const pg::JsonMember m : pg::JsonValue(jsonb).object()) {
        if (m.key == "step")
            cursor.step = static_cast<int>(m.value.integer().value_or(0));
        else if (m.key == "found")
            cursor.found = m.value.integer().value_or(0);
        else if (m.key == "driver")
            cursor.driver = m.value.string();
        else if (m.key == "key")
            for (const pg::JsonValue part : m.value.array())
                cursor.key.emplace_back(part.string());
    }
    return cursor;
}

Counts read_counts(const Jsonb *jsonb) {
    Counts counts;
    for (const pg::JsonMember table : pg::JsonValue(jsonb).object())
        for (const pg::JsonMember mode : table.value.object())
            counts[std::string(table.key)][std::string(mode.key)] =
                mode.value.integer().value_or(0);
    return counts;
}

Datum counts_datum(const Counts &counts) {
    pg::JsonbWriter w;
    write_counts(w, counts);
    return w.datum();
}

const Jsonb *keep(const Jsonb *jsonb, MemoryContext context) {
    const std::size_t size = VARSIZE(jsonb);
    void *copy = MemoryContextAllocExtended(context, size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
    if (copy == nullptr)
        throw std::bad_alloc();
    memcpy(copy, jsonb, size);
    return static_cast<Jsonb *>(copy);
}

Task read_task(const pg::Row &row, MemoryContext context) {
    Task task;
    task.id = row.text(1);
    task.seq = row.int8(2);
    task.kind = row.text(3);
    task.params = keep(row.jsonb(4), context);
    for (const auto &step : pg::TextArray(row.array(5)))
        task.steps.emplace_back(step.value_or(""));
    task.cursor = read_cursor(row.jsonb(6));
    task.done = row.int8(7);
    if (!row.is_null(8))
        task.total = row.int8(8);
    task.counts = read_counts(row.jsonb(9));
    return task;
}

std::optional<Task> start(int64 seq, MemoryContext context) {
    const pg::Rows rows = start_task.run({seq});
    if (rows.empty())
        return std::nullopt; // somebody finished it meanwhile
    return read_task(rows[0], context);
}

void end(const Task &task, const char *status, const pg::Param &error, const pg::Param &result) {
    end_task.run({task.seq, status, error, result});
    wake_workers_at_commit();
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

std::optional<TaskLock> TaskLock::try_acquire(int64 seq) {
    const LockAcquireResult got = pg::guard([seq]() noexcept {
        const LOCKTAG tag = task_tag(seq);
        return LockAcquire(&tag, ExclusiveLock, true, true);
    });
    if (got == LOCKACQUIRE_NOT_AVAIL)
        return std::nullopt;
    TaskLock lock(seq);
    if (got == LOCKACQUIRE_ALREADY_HELD)
        return std::nullopt; // by this very session; the destructor gives the second hold back
    return lock;
}

TaskLock::~TaskLock() {
    if (seq_ == 0)
        return;
    const LOCKTAG tag = task_tag(seq_);
    LockRelease(&tag, ExclusiveLock, true);
}

std::optional<Claim> claim_next(const std::vector<int64> &skip, MemoryContext context, bool &held) {
    held = false;
    std::vector<int64> due;
    {
        const pg::Rows rows = due_tasks.run({pg::Param::datum(int8_array(skip))});
        for (std::size_t i = 0; i < rows.size(); i++)
            due.push_back(rows[i].int8(1));
    }
    for (const int64 seq : due) {
        auto lock = TaskLock::try_acquire(seq);
        if (!lock) {
            held = true;
            continue; // its worker lives
        }
        if (auto task = start(seq, context))
            return Claim{std::move(*task), std::move(*lock)};
    }
    return std::nullopt;
}

Task take(const std::string &id, MemoryContext context) {
    const pg::Rows rows = find_task.run({id});
    return start(rows[0].int8(1), context).value();
}

bool save(const Task &task) {
    pg::Vec<std::string_view> steps(task.steps.begin(), task.steps.end());
    const pg::Rows rows =
        save_task.run({task.seq, pg::Param::datum(pg::text_array(steps)),
                       pg::Param::datum(cursor_datum(task.cursor)), task.done,
                       task.total ? pg::Param(*task.total) : pg::Param(std::nullopt),
                       pg::Param::datum(counts_datum(task.counts))});
    return !rows.empty() && rows[0].boolean(1);
}

void complete(const Task &task) {
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
    end(task, "completed", std::nullopt, pg::Param::datum(w.datum()));
    erasure::record_completion(task);
    forget_users.run({task.seq});
}

void cancel(const Task &task) {
    end(task, "cancelled", std::nullopt, std::nullopt);
}

void fail(const Task &task, std::string_view sqlstate, std::string_view message,
          std::string_view step) {
    pg::JsonbWriter w;
    w.begin_object({"step", "type", "description"});
    w.string(step);
    w.string(sqlstate);
    w.string(message);
    w.end();
    end(task, "failed", pg::Param::datum(w.datum()), std::nullopt);
}

} // namespace stream::tasks
