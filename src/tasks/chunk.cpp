#include "tasks/chunk.hpp"

#include "settings.hpp"
#include "tasks/debug_point.hpp"
#include "tasks/queue.hpp"

namespace stream::tasks {

namespace {

// Whoever cancels a task signals its worker right after committing that.
constexpr int64 late_cancel_us = 5 * USECS_PER_SEC;
// Nobody knows the worker of a task that is done at once, and can end it while it waits for a lock.
constexpr int lock_timeout_at_once_ms = 1;

// What goes away by itself when others have got out of the way.
bool is_conflict(int sqlstate) {
    return sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE ||
           sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED || sqlstate == ERRCODE_LOCK_NOT_AVAILABLE;
}

// What the owner of an application's table has made, such as a constraint trigger, must not wait
// for the commit, when it would run with the worker's rights. The constraints of a caller's own
// transaction block stay as they are.
pg::Statement constraints_at_once("SET CONSTRAINTS ALL IMMEDIATE", {});

} // namespace

void Chunks::begin(const Task &task) {
    rate_ = Rate(task.rows_per_second);
    counted_until_ = GetCurrentTimestamp();
}

Chunks::Done Chunks::advance(Job &job, Task &task, int lock_timeout_ms) {
    Done done;
    const int64 done_before = task.done;
    pg::check_interrupts();
    if (!atomic_)
        constraints_at_once.run({});
    if (lock_timeout_ms > 0 && !atomic_)
        pg::set_for_now("lock_timeout", std::to_string(lock_timeout_ms).c_str());
    done.state = job.advance(task);
    if (done.state != Job::State::blocked)
        count_work(task, task.done - done_before);
    done.cancelled = done.state == Job::State::finished ? complete(task) : save(task);
    if (done.cancelled && done.state != Job::State::finished)
        cancel(task);
    debug_point(done.is_over() ? DebugPoint::before_end_commit : DebugPoint::before_chunk_commit);
    return done;
}

Outcome Chunks::run(Job &job, Task &task) {
    if (task.cancel_requested) {
        cancel(task);
        expect_late_cancel();
        return Outcome::ended;
    }
    const Task before = task;
    Done done;
    const auto failure = pg::attempt([&] { done = advance(job, task, settings::lock_timeout_ms); });
    if (failure) {
        const std::string step = task.step;
        task = before;
        task.step = step;
        job.rolled_back();
        return settle(task, *failure);
    }
    if (done.cancelled)
        expect_late_cancel();
    if (done.is_over())
        return Outcome::ended;
    return done.state == Job::State::blocked ? Outcome::blocked : Outcome::progressed;
}

// What fails is tried again as an ordinary chunk. Only a cancel has come to its end.
bool Chunks::is_over_at_once(Job &job, Task &task) {
    const Task before = task;
    Done done;
    const auto failure = pg::attempt([&] { done = advance(job, task, lock_timeout_at_once_ms); });
    if (failure) {
        task = before;
        job.rolled_back();
        return failure->sqlstate == ERRCODE_QUERY_CANCELED &&
               settle(task, *failure) == Outcome::ended;
    }
    if (done.cancelled)
        expect_late_cancel();
    return done.is_over();
}

// What becomes of a task whose chunk failed. A query cancel is the task's end only when somebody
// asked for that; otherwise it was meant for this session, and the task goes on elsewhere.
Outcome Chunks::settle(Task &task, const pg::Rollback &failure) {
    const bool signalled = failure.sqlstate == ERRCODE_QUERY_CANCELED;
    if (cancel_requested(task)) {
        cancel(task);
        if (!signalled)
            expect_late_cancel();
        return Outcome::ended;
    }
    if (signalled) {
        if (!was_late_cancel())
            throw pg::PostgresError(failure.raised);
        return Outcome::progressed;
    }
    const Failure why{failure.code, failure.message, task.step};
    // Inside a caller's transaction a retry would meet what the chunk has met.
    if (!atomic_ && is_conflict(failure.sqlstate) && task.retries < settings::max_retries) {
        retry_later(task, why);
        return Outcome::put_off;
    }
    fail(task, why);
    return Outcome::ended;
}

// Adds the time since it was last called, or since the task was taken up.
void Chunks::count_work(Task &task, int64 rows) {
    const TimestampTz now = GetCurrentTimestamp();
    const double seconds =
        static_cast<double>(now - std::exchange(counted_until_, now)) / USECS_PER_SEC;
    rate_.add(rows, seconds);
    task.work_seconds += seconds;
    task.rows_per_second = rate_.rows_per_second();
}

void Chunks::expect_late_cancel() {
    late_cancel_until_ = GetCurrentTimestamp() + late_cancel_us;
}

} // namespace stream::tasks
