// The worker: claims tasks, runs them chunk by chunk with a commit after each, and sleeps on its
// latch in between, holding neither a snapshot nor a transaction id.
//
// A task's states and what moves it from one to the next:
//
//   pending   --claimed by a worker-->                      running
//   running   --a chunk done, more to do-->                 running   (progress commits with it)
//   running   --its last chunk done-->                      completed
//   running   --a chunk raised an error-->                  failed
//   pending, running --stream_cancel_task-->                cancelled (what was committed stays)
//   failed, cancelled --stream_retry_task-->                pending   (goes on at its cursor)
//   running   --its worker dies: the lock is free-->        running   under the next worker

#include "pg/transaction.hpp"
#include "settings.hpp"
#include "tasks/debug_point.hpp"
#include "tasks/queue.hpp"
#include "tasks/wake.hpp"

namespace stream::tasks {

namespace {

enum class Outcome { progressed, ended, blocked };

// One CALL stream_run_tasks.
class Worker {
public:
    Worker(bool atomic, bool until_idle, std::optional<int32> slot, TimestampTz deadline)
        : atomic_(atomic), until_idle_(until_idle || atomic), slot_(slot), deadline_(deadline),
          home_(CurrentMemoryContext),
          chunk_memory_(AllocSetContextCreate(home_, "stream_users chunk", ALLOCSET_DEFAULT_SIZES)),
          task_memory_(AllocSetContextCreate(home_, "stream_users task", ALLOCSET_DEFAULT_SIZES)),
          owner_(pg::extension_owner()) {}

    // Returns how many tasks it brought to an end.
    int64 run();

private:
    void heed_interrupts();
    bool time_left() const { return GetCurrentTimestamp() < deadline_; }
    std::optional<Claim> claim();
    void run_task(Claim claim);
    Outcome run_chunk(Job &job, Task &task);
    Outcome settle(Task &task, const pg::Rollback &failure);
    bool dismissed();
    int64 pause() const;
    void sleep(int64 milliseconds);
    template <class F> void transaction(F &&body);

    bool atomic_;
    bool until_idle_;
    std::optional<int32> slot_;
    TimestampTz deadline_;
    MemoryContext home_;
    MemoryContext chunk_memory_;
    MemoryContext task_memory_;
    Oid owner_;
    int64 ended_ = 0;
    std::vector<int64> blocked_;
    bool others_at_work_ = false;
    // Somebody cancelled a task that ended before the signal for it came.
    bool late_cancel_ = false;
};

// Runs body as the extension's owner, commits, and gives its memory back.
template <class F> void Worker::transaction(F &&body) {
    MemoryContextSwitchTo(chunk_memory_);
    {
        const pg::ActAs as_owner(owner_);
        body();
    }
    pg::commit(atomic_);
    MemoryContextSwitchTo(home_);
    MemoryContextReset(chunk_memory_);
}

std::optional<Claim> Worker::claim() {
    std::optional<Claim> claim;
    MemoryContextReset(task_memory_);
    transaction([&] {
        if (auto next = claim_next(blocked_, task_memory_, others_at_work_))
            claim.emplace(std::move(*next));
        if (claim)
            debug_point(DebugPoint::before_claim_commit);
    });
    if (claim)
        debug_point(DebugPoint::after_claim_commit);
    return claim;
}

int64 Worker::run() {
    const WorkerPresence presence;
    while (!dismissed()) {
        heed_interrupts();
        auto claimed = claim();
        if (claimed) {
            run_task(std::move(*claimed));
            if (!time_left())
                break;
            continue;
        }
        if (blocked_.empty() && until_idle_)
            break;
        if (!time_left())
            break;
        sleep(pause());
        blocked_.clear();
    }
    return ended_;
}

// Between tasks a query cancel ends the worker, unless it was sent to end a task that is over.
void Worker::heed_interrupts() {
    const auto failure = pg::attempt([] { pg::check_interrupts(); });
    if (failure && !(failure->sqlstate == ERRCODE_QUERY_CANCELED && late_cancel_))
        throw pg::PostgresError(failure->raised);
    late_cancel_ = false;
}

// Interrupts are heeded inside the chunk alone, where a query cancel that was meant for the task
// can be told from one that was meant for the session.
void Worker::run_task(Claim claim) {
    std::unique_ptr<Job> job;
    Outcome outcome = Outcome::progressed;
    while (outcome == Outcome::progressed && time_left()) {
        transaction([&] {
            std::optional<pg::Rollback> failure;
            if (!job)
                failure = pg::attempt([&] { job = make_job(claim.task); });
            outcome = failure ? settle(claim.task, *failure) : run_chunk(*job, claim.task);
        });
        debug_point(outcome == Outcome::ended ? DebugPoint::after_end_commit
                                              : DebugPoint::after_chunk_commit);
    }
    if (outcome == Outcome::ended)
        ended_++;
    if (outcome == Outcome::blocked)
        blocked_.push_back(claim.task.seq);
}

// One chunk with its progress; what a failed one did is rolled back, and the task with it is where
// the last chunk left it.
Outcome Worker::run_chunk(Job &job, Task &task) {
    const Task before = task;
    Job::State state = Job::State::more;
    bool cancelled = false;
    const auto failure = pg::attempt([&] {
        pg::check_interrupts();
        state = job.advance(task);
        cancelled = save(task);
        if (state == Job::State::finished)
            complete(task);
        else if (cancelled)
            cancel(task);
        debug_point(state == Job::State::finished || cancelled ? DebugPoint::before_end_commit
                                                               : DebugPoint::before_chunk_commit);
    });
    if (failure) {
        const std::string step = task.step;
        task = before;
        task.step = step;
        return settle(task, *failure);
    }
    late_cancel_ = cancelled;
    if (state == Job::State::finished || cancelled)
        return Outcome::ended;
    return state == Job::State::blocked ? Outcome::blocked : Outcome::progressed;
}

// What becomes of a task whose chunk failed. A query cancel is the task's end only when somebody
// asked for that; otherwise it was meant for this session, and the task goes on elsewhere.
Outcome Worker::settle(Task &task, const pg::Rollback &failure) {
    if (failure.sqlstate == ERRCODE_QUERY_CANCELED) {
        if (!save(task)) {
            if (!std::exchange(late_cancel_, false))
                throw pg::PostgresError(failure.raised);
            return Outcome::progressed;
        }
        cancel(task);
        return Outcome::ended;
    }
    fail(task, failure.code, failure.message, task.step);
    return Outcome::ended;
}

// Whether stream_stop_workers() took this scheduled worker's slot away.
bool Worker::dismissed() {
    if (!slot_)
        return false;
    static pg::Statement slot_exists("SELECT FROM stream.worker_slots WHERE slot = $1", {INT4OID});
    bool gone = false;
    transaction([&] { gone = slot_exists.run({*slot_}).empty(); });
    return gone;
}

// How long to sleep when nobody wakes us: commits that enqueue or end a task do. Nobody announces
// that the transaction has ended which a blocked task waits for, nor that another worker died and
// left its task.
int64 Worker::pause() const {
    const int64 poll = settings::poll_interval_ms;
    if (!blocked_.empty())
        return std::min<int64>(poll, 20);
    return others_at_work_ ? std::min<int64>(poll, 200) : poll;
}

void Worker::sleep(int64 milliseconds) {
    const int64 left = (deadline_ - GetCurrentTimestamp()) / 1000 + 1;
    const long timeout = static_cast<long>(std::max<int64>(0, std::min(left, milliseconds)));
    pgstat_report_activity(STATE_IDLE, nullptr);
    pg::guard([timeout]() noexcept {
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
                  PG_WAIT_EXTENSION);
    });
    ResetLatch(MyLatch);
    pgstat_report_activity(STATE_RUNNING, "stream_users worker");
}

} // namespace

} // namespace stream::tasks

using namespace stream;

// stream_run_tasks(run_for interval, until_idle boolean, slot integer)
STREAM_FUNCTION_WITH(stream_run_tasks, "RunTasks", pg::Connection::nonatomic) {
    const auto *context = castNode(CallContext, call.fcinfo()->context);
    const bool atomic = context->atomic;
    const Datum run_for = call.datum(0);
    if (call.is_null(0))
        throw bad_input("run_for must not be null").at("run_for");
    const TimestampTz deadline = pg::guard([run_for]() noexcept {
        return DatumGetTimestampTz(DirectFunctionCall2(
            timestamptz_pl_interval, TimestampTzGetDatum(GetCurrentTimestamp()), run_for));
    });
    const std::optional<int32> slot =
        call.is_null(2) ? std::nullopt : std::optional(DatumGetInt32(call.datum(2)));
    tasks::Worker(atomic, call.boolean(1), slot, deadline).run();
    return call.null();
}
