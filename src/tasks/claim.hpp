#pragma once
// Taking tasks up: which one is next, and that nobody else works on it.

#include "tasks/task.hpp"

#include <functional>

namespace stream::tasks {

// Holds the session advisory lock of a task: as long as it is held, the task has a living worker.
class TaskLock {
public:
    // Takes the lock if it is free.
    static std::optional<TaskLock> try_acquire(int64 seq);
    TaskLock(TaskLock &&other) noexcept : seq_(std::exchange(other.seq_, 0)) {}
    TaskLock(const TaskLock &) = delete;
    TaskLock &operator=(const TaskLock &) = delete;
    TaskLock &operator=(TaskLock &&) = delete;
    ~TaskLock();

private:
    explicit TaskLock(int64 seq) : seq_(seq) {}
    int64 seq_;
};

struct Claim {
    Task task;
    TaskLock lock;
    bool is_over = false; // it was done where it was claimed
};

// How to look for a task. Whether pending tasks are due can take long to find out when they are
// about many users, and changes only when a task is enqueued or ends. A worker that was woken looks
// for what is due before it looks for tasks whose worker died.
enum class Look { at_everything, at_due_first, for_lost_workers };

// A worker's view of the queue.
class Queue {
public:
    // What is tried with a pending task before it is marked as running: whether that was all of it.
    using AtOnce = std::function<bool(Task &)>;
    // context: where tasks' parameters are kept.
    Queue(AtOnce at_once, MemoryContext context)
        : at_once_(std::move(at_once)), context_(context) {}

    // The next task that is due, locked by this session, and marked running if it is not over: one
    // whose worker died, or else the oldest pending one that shares no user with a running task or
    // an older pending one. skip: tasks this worker found blocked a moment ago.
    std::optional<Claim> claim_next(Look look, const std::vector<int64> &skip);
    // Whether the last claim passed over tasks because somebody else works on them.
    bool others_at_work() const { return others_at_work_; }

private:
    enum class Due { known, to_be_checked };
    std::optional<Claim> try_claim(int64 seq, Due due);
    std::optional<Claim> claim_lost(const std::vector<int64> &skip);
    std::optional<Claim> claim_due(Due due);

    AtOnce at_once_;
    MemoryContext context_;
    std::vector<int64> due_; // pending tasks found due and not yet come to, the oldest last
    TimestampTz next_look_for_lost_ = 0;
    bool others_at_work_ = false;
};

// When the next task that waits for its retry is to be taken up.
std::optional<TimestampTz> next_retry();

// A task just enqueued by this transaction, to be run in it at once.
Task take(const std::string &id, MemoryContext context);

} // namespace stream::tasks
