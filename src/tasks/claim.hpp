#pragma once
// Taking tasks up: which one is next, and that nobody else works on it.

#include "tasks/task.hpp"

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
    // The next task that is due, now locked by this session, and its row by the transaction: one
    // whose worker died, or else the oldest pending one that shares no user with a running task or
    // an older pending one. skip: tasks this worker found blocked a moment ago. context: where the
    // task's parameters are kept.
    std::optional<Claim> claim_next(Look look, const std::vector<int64> &skip,
                                    MemoryContext context);
    // Whether the last claim passed over tasks because somebody else works on them.
    bool others_at_work() const { return others_at_work_; }

private:
    enum class Due { known, to_be_checked };
    std::optional<Claim> try_claim(int64 seq, Due due, MemoryContext context);
    std::optional<Claim> claim_lost(const std::vector<int64> &skip, MemoryContext context);
    std::optional<Claim> claim_due(Due due, MemoryContext context);

    std::vector<int64> due_; // pending tasks found due and not yet come to, the oldest last
    TimestampTz next_look_for_lost_ = 0;
    bool others_at_work_ = false;
};

// Marks a claimed task as running.
void start(const Task &task);

// When the next task that waits for its retry is to be taken up.
std::optional<TimestampTz> next_retry();

// A task just enqueued by this transaction, to be run in it at once.
Task take(const std::string &id, MemoryContext context);

} // namespace stream::tasks
