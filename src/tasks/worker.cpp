// The worker: claims tasks, runs them chunk by chunk with a commit after each, and sleeps on its
// latch in between, holding neither a snapshot nor a transaction id.
//
// A task's states and what moves it from one to the next:
//
//   pending            --claimed by a worker-->                running
//   pending            --claimed and brief: done at once-->    completed
//   running            --a chunk done, more to do-->           running, progress commits with it
//   running            --its last chunk done-->                completed
//   running            --a chunk raised an error-->            failed
//   running            --a chunk met a conflict-->             pending, to be retried in a while
//   pending, running   --stream_cancel_task-->                 cancelled, what was committed stays
//   failed, cancelled  --stream_retry_task-->                  pending, goes on at its cursor
//   running            --its worker dies: the lock is free-->  running under the next worker

#include "access/presence.hpp"
#include "chat/response_times.hpp"
#include "events/past.hpp"
#include "pg/transaction.hpp"
#include "settings.hpp"
#include "tasks/activity.hpp"
#include "tasks/chunk.hpp"
#include "tasks/claim.hpp"
#include "tasks/debug_point.hpp"
#include "tasks/pace.hpp"
#include "tasks/trim.hpp"
#include "tasks/wake.hpp"

namespace stream::tasks {

namespace {

constexpr int64 us_per_ms = 1000;
// When many tasks wait for one, looking through them takes long and finds nothing: an idle worker
// spends no more than a fifth of its time on that, however often it is woken.
constexpr int64 looking_share = 4;
constexpr int64 trim_interval_us = USECS_PER_MINUTE;

Throttle throttle() {
    return {settings::chunk_pause_ms * us_per_ms, settings::rows_per_second};
}

// One CALL stream_run_tasks.
class Worker {
public:
    Worker(bool atomic, bool until_idle, std::optional<int32> slot, TimestampTz deadline)
        : atomic_(atomic), chunks_(atomic), until_idle_(until_idle || atomic), slot_(slot),
          deadline_(deadline), home_(CurrentMemoryContext),
          chunk_memory_(AllocSetContextCreate(home_, "stream_users chunk", ALLOCSET_DEFAULT_SIZES)),
          task_memory_(AllocSetContextCreate(home_, "stream_users task", ALLOCSET_DEFAULT_SIZES)),
          owner_(pg::extension_owner()),
          queue_([this](Task &task) { return is_over_at_once(task); }, task_memory_) {}

    void run();

private:
    void heed_interrupts();
    bool time_left() const { return GetCurrentTimestamp() < deadline_; }
    std::optional<Claim> claim();
    void run_task(Claim claim);
    bool is_over_at_once(Task &task);
    void wait_for_throttle();
    int64 throttled_for() const { return pacer_.next_begin(throttle()) - GetCurrentTimestamp(); }
    bool trim();
    bool work_out_response_times();
    bool dismissed();
    bool more_may_come() const { return !blocked_.empty() || (next_retry_ && !atomic_); }
    int64 pause() const;
    void rest(int64 milliseconds);
    void sleep();
    template <class F> void transaction(F &&body);

    bool atomic_;
    Chunks chunks_;
    bool until_idle_;
    std::optional<int32> slot_;
    TimestampTz deadline_;
    MemoryContext home_;
    MemoryContext chunk_memory_;
    MemoryContext task_memory_;
    Oid owner_;
    Activity activity_;
    Queue queue_;
    std::vector<int64> blocked_;
    std::optional<TimestampTz> next_retry_;
    TimestampTz next_full_look_ = 0;
    TimestampTz no_look_before_ = 0;
    bool woken_ = false;
    Pacer pacer_;
    Trim trim_;
    chat::ResponseTimes response_times_;
    TimestampTz next_trim_ = 0;
};

// Runs body as the extension's owner, commits, and gives its memory back.
template <class F> void Worker::transaction(F &&body) {
    if (!atomic_)
        pg::read_committed();
    MemoryContextSwitchTo(chunk_memory_);
    {
        const pg::ActAs as_owner(owner_);
        // A worker's statements are many and short: to compile one takes longer than to run it.
        pg::set_for_now("jit", "off");
        body();
    }
    pg::commit(atomic_);
    MemoryContextSwitchTo(home_);
    MemoryContextReset(chunk_memory_);
}

std::optional<Claim> Worker::claim() {
    std::optional<Claim> claim;
    MemoryContextReset(task_memory_);
    const TimestampTz began = GetCurrentTimestamp();
    const bool everything = began >= next_full_look_;
    const Look look = !everything                    ? Look::for_lost_workers
                      : std::exchange(woken_, false) ? Look::at_due_first
                                                     : Look::at_everything;
    transaction([&] {
        if (auto next = queue_.claim_next(look, blocked_))
            claim.emplace(std::move(*next));
        if (claim && !claim->is_over)
            debug_point(DebugPoint::before_claim_commit);
        else if (!claim && everything) {
            next_retry_ = next_retry();
            make_ready();
        }
    });
    if (claim)
        debug_point(claim->is_over ? DebugPoint::after_end_commit : DebugPoint::after_claim_commit);
    else if (everything) {
        const TimestampTz now = GetCurrentTimestamp();
        next_full_look_ = now + settings::poll_interval_ms * us_per_ms;
        no_look_before_ = now + looking_share * (now - began);
    }
    return claim;
}

void Worker::run() {
    const WorkerPresence presence;
    // Postmaster's background workers ignore it unless they say otherwise; pg_cron's don't.
    if (MyBackendType == B_BG_WORKER)
        pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pg::commit(atomic_); // the CALL's own transaction has a snapshot, and may not be READ COMMITTED
    while (!dismissed()) {
        heed_interrupts();
        if (auto claimed = claim()) {
            if (!claimed->is_over)
                run_task(std::move(*claimed));
            next_full_look_ = 0;
            if (!time_left())
                break;
            continue;
        }
        if (trim() || work_out_response_times())
            continue;
        if ((until_idle_ && !more_may_come()) || !time_left())
            break;
        sleep();
        blocked_.clear();
    }
}

// Between tasks a query cancel ends the worker, unless it was sent to end a task that is over.
void Worker::heed_interrupts() {
    if (!INTERRUPTS_PENDING_CONDITION())
        return;
    const auto failure = pg::attempt([] { pg::check_interrupts(); });
    if (failure && !(failure->sqlstate == ERRCODE_QUERY_CANCELED && chunks_.was_late_cancel()))
        throw pg::PostgresError(failure->raised);
}

// Interrupts are heeded inside the chunk alone, where a query cancel that was meant for the task
// can be told from one that was meant for the session.
void Worker::run_task(Claim claim) {
    Task &task = claim.task;
    const std::unique_ptr<Job> job = make_job(task);
    Outcome outcome = Outcome::progressed;
    chunks_.begin(task);
    while (outcome == Outcome::progressed) {
        activity_.works_on(task);
        wait_for_throttle();
        if (!time_left())
            break;
        const int64 done_before = task.done;
        pacer_.chunk_begins(GetCurrentTimestamp(), throttle());
        transaction([&] { outcome = chunks_.run(*job, task); });
        pacer_.chunk_ended(GetCurrentTimestamp(), task.done - done_before);
        debug_point(outcome == Outcome::ended ? DebugPoint::after_end_commit
                                              : DebugPoint::after_chunk_commit);
    }
    if (outcome == Outcome::blocked)
        blocked_.push_back(task.seq);
}

// Does a brief task, or its first chunk, where it is taken up. Whoever looks sees it pending and
// then completed; should the worker die, it was never taken up.
bool Worker::is_over_at_once(Task &task) {
    if (atomic_ || task.cancel_requested || throttled_for() > 0 || !is_brief(task))
        return false;
    const std::unique_ptr<Job> job = make_job(task);
    const int64 done_before = task.done;
    chunks_.begin(task);
    pacer_.chunk_begins(GetCurrentTimestamp(), throttle());
    const bool is_over = chunks_.is_over_at_once(*job, task);
    pacer_.chunk_ended(GetCurrentTimestamp(), task.done - done_before);
    return is_over;
}

// Holds nothing meanwhile but the task's lock. Ends early when somebody wants something of this
// session: the next chunk finds out what.
void Worker::wait_for_throttle() {
    pg::heed_server();
    while (!atomic_ && !QueryCancelPending && !ProcDiePending) {
        const int64 left = throttled_for();
        if (left <= 0 || !time_left())
            return;
        activity_.rests();
        rest(left / us_per_ms + 1);
        pg::heed_server();
    }
}

// Once a minute, when there is nothing else to do. Returns true when it has more to do.
bool Worker::trim() {
    if (atomic_ || GetCurrentTimestamp() < next_trim_)
        return false;
    bool more = false;
    transaction([&] {
        more = events::trim_some();
        more = trim_.trim_a_batch() || more;
        more = access::end_lapsed_presence() || more;
    });
    if (!more)
        next_trim_ = GetCurrentTimestamp() + trim_interval_us;
    return more;
}

// Likewise. Returns true when it has more to do.
bool Worker::work_out_response_times() {
    if (atomic_ || !response_times_.due() || !time_left())
        return false;
    bool more = false;
    transaction([&] { more = response_times_.step(); });
    return more;
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
    const TimestampTz now = GetCurrentTimestamp();
    TimestampTz until = next_full_look_;
    if (next_retry_)
        until = std::min(until, *next_retry_);
    const int64 left = std::max<int64>(0, until - now) / us_per_ms + 1;
    if (!blocked_.empty())
        return std::min<int64>(left, 20);
    return queue_.others_at_work() ? std::min<int64>(left, 200) : left;
}

// Until the time is over, somebody sets the latch, or the worker's own time is.
void Worker::rest(int64 milliseconds) {
    const int64 left = (deadline_ - GetCurrentTimestamp()) / us_per_ms + 1;
    const long timeout = static_cast<long>(std::max<int64>(0, std::min(left, milliseconds)));
    const int woken_by = pg::guard([timeout]() noexcept {
        return WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
                         PG_WAIT_EXTENSION);
    });
    ResetLatch(MyLatch);
    woken_ = (woken_by & WL_LATCH_SET) != 0;
    if (woken_)
        next_full_look_ = no_look_before_;
}

void Worker::sleep() {
    if (blocked_.empty())
        activity_.waits_for_tasks();
    else
        activity_.rests();
    rest(pause());
    if (next_retry_ && *next_retry_ <= GetCurrentTimestamp())
        next_full_look_ = no_look_before_;
    pg::heed_server();
    activity_.looks_for_tasks();
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
