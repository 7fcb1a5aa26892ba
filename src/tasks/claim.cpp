#include "tasks/claim.hpp"

#include "pg/array.hpp"
#include "tasks/line.hpp"
#include "tasks/lock_tags.hpp"

namespace stream::tasks {

namespace {

pg::Statement running_tasks(R"(
    SELECT seq FROM stream.tasks WHERE status = 'running' AND seq <> ALL ($1) ORDER BY seq)",
                            {INT8ARRAYOID}, pg::Planning::once);

// A worker that comes back to a task which was blocked makes no new attempt. A row that somebody
// else holds is passed over: the task is just being cancelled.
pg::Statement start_task(R"(
    UPDATE stream.tasks
    SET status = 'running', retry_at = NULL, worker_pid = pg_backend_pid(),
        attempts = attempts + (worker_pid IS DISTINCT FROM pg_backend_pid())::integer,
        started_at = COALESCE(started_at, clock_timestamp()), updated_at = clock_timestamp()
    WHERE seq = (SELECT t.seq
                 FROM stream.tasks t
                 WHERE t.seq = $1 AND t.status IN ('pending', 'running')
                 FOR UPDATE SKIP LOCKED)
    RETURNING id, seq, kind, params, steps, cursor, done, total, work_seconds, rows_per_second, retries, cancel_requested, counts)",
                         {INT8OID}, pg::Planning::once);

pg::Statement find_task("SELECT seq FROM stream.tasks WHERE id = $1::uuid", {TEXTOID});

pg::Statement first_retry("SELECT min(retry_at) FROM stream.tasks WHERE retry_at > $1",
                          {TIMESTAMPTZOID}, pg::Planning::once);

// A worker with many small tasks before it doesn't look before each of them whether another worker
// has died.
constexpr int64 between_looks_for_lost = USECS_PER_SEC / 10;

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

Cursor read_cursor(const Jsonb *jsonb) {
    Cursor cursor;
    if (jsonb == nullptr)
        return cursor;
    for (const pg::JsonMember m : pg::JsonValue(jsonb).object()) {
        if (m.key == "step")
            cursor.step = static_cast<int>(m.value.integer().value_or(0));
        else if (m.key == "found")
            cursor.found = m.value.integer().value_or(0);
        else if (m.key == "rounds")
            cursor.rounds = static_cast<int>(m.value.integer().value_or(0));
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

const Jsonb *keep(const Jsonb *jsonb, MemoryContext context) {
    const std::size_t size = VARSIZE(jsonb);
    void *copy = MemoryContextAllocExtended(context, size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
    if (copy == nullptr)
        throw std::bad_alloc();
    memcpy(copy, jsonb, size);
    return static_cast<Jsonb *>(copy);
}

std::string uuid_text(Datum id) {
    return pg::guard(
        [id]() noexcept { return DatumGetCString(DirectFunctionCall1(uuid_out, id)); });
}

Task read_task(const pg::Row &row, MemoryContext context) {
    const auto column = [&row](const char *name) { return row.number(name); };
    Task task;
    task.id = uuid_text(row.datum(column("id")));
    task.seq = row.int8(column("seq"));
    task.kind = row.text(column("kind"));
    task.params = keep(row.jsonb(column("params")), context);
    for (const auto &step : pg::TextArray(row.array(column("steps"))))
        task.steps.emplace_back(step.value_or(""));
    task.cursor = read_cursor(row.jsonb(column("cursor")));
    task.done = row.int8(column("done"));
    if (!row.is_null(column("total")))
        task.total = row.int8(column("total"));
    task.work_seconds = DatumGetFloat8(row.datum(column("work_seconds")));
    if (!row.is_null(column("rows_per_second")))
        task.rows_per_second = DatumGetFloat8(row.datum(column("rows_per_second")));
    task.retries = row.int4(column("retries"));
    task.cancel_requested = row.boolean(column("cancel_requested"));
    task.counts = read_counts(row.jsonb(column("counts")));
    return task;
}

std::optional<Task> start(int64 seq, MemoryContext context) {
    const pg::Rows rows = start_task.run({seq});
    if (rows.empty())
        return std::nullopt;
    return read_task(rows[0], context);
}

} // namespace

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

std::optional<Claim> Queue::try_claim(int64 seq, Due due) {
    auto lock = TaskLock::try_acquire(seq);
    if (!lock) {
        others_at_work_ = true;
        return std::nullopt;
    }
    if (due == Due::to_be_checked && !is_first_in_line(seq))
        return std::nullopt;
    if (const auto row = pending_row(seq)) {
        Task task = read_task(*row, context_);
        if (at_once_(task))
            return Claim{std::move(task), std::move(*lock), true};
    }
    if (auto task = start(seq, context_))
        return Claim{std::move(*task), std::move(*lock)};
    return std::nullopt; // somebody finished it meanwhile
}

std::optional<Claim> Queue::claim_due(Due due) {
    while (!due_.empty()) {
        const int64 seq = due_.back();
        due_.pop_back();
        if (auto claim = try_claim(seq, due))
            return claim;
    }
    return std::nullopt;
}

std::optional<Claim> Queue::claim_lost(const std::vector<int64> &skip) {
    next_look_for_lost_ = GetCurrentTimestamp() + between_looks_for_lost;
    const pg::Rows running = running_tasks.run({pg::Param::datum(int8_array(skip))});
    for (std::size_t i = 0; i < running.size(); i++)
        if (auto claim = try_claim(running[i].int8(1), Due::known))
            return claim;
    return std::nullopt;
}

std::optional<Claim> Queue::claim_next(Look look, const std::vector<int64> &skip) {
    others_at_work_ = false;
    const bool lost_first =
        look == Look::for_lost_workers ||
        (look == Look::at_everything && GetCurrentTimestamp() >= next_look_for_lost_);
    if (lost_first)
        if (auto claim = claim_lost(skip))
            return claim;
    if (look == Look::for_lost_workers)
        return std::nullopt;
    if (auto claim = claim_due(Due::to_be_checked))
        return claim;
    due_ = due_tasks();
    std::reverse(due_.begin(), due_.end());
    if (auto claim = claim_due(Due::known))
        return claim;
    return lost_first ? std::nullopt : claim_lost(skip);
}

std::optional<TimestampTz> next_retry() {
    return first_retry.run({static_cast<int64>(GetCurrentTimestamp())})[0].timestamp(1);
}

Task take(const std::string &id, MemoryContext context) {
    const pg::Rows rows = find_task.run({id});
    return start(rows[0].int8(1), context).value();
}

} // namespace stream::tasks
