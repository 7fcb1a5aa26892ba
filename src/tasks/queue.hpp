#pragma once
// The task table: enqueue, claim, save, end.

#include "tasks/task.hpp"

namespace stream::tasks {

// Enqueues in the current transaction; returns the task's id as text. A waiting worker is woken
// when the transaction commits. details, where given, holds a value for each user
// (task_users.detail).
std::string enqueue(std::string_view kind, const Jsonb *params,
                    const pg::Vec<std::string_view> &user_ids,
                    const pg::Vec<std::optional<pg::JsonValue>> *details = nullptr);

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
};

// The next task that is due, now marked running and locked by this session: the oldest unfinished
// one that no living worker holds and that shares no user with an older unfinished one. skip: tasks
// this worker found blocked a moment ago. context: where the task's parameters are kept. held is
// set when tasks were passed over because their workers live.
std::optional<Claim> claim_next(const std::vector<int64> &skip, MemoryContext context, bool &held);

// A task just enqueued by this transaction, to be run in it at once.
Task take(const std::string &id, MemoryContext context);

// Writes progress, cursor and counts. Returns true when somebody asked for the task to be
// cancelled.
bool save(const Task &task);

// The ends of a task's life. Each wakes waiting workers at commit: a task that waited for this one
// may be due.
void complete(const Task &task);
void cancel(const Task &task);
void fail(const Task &task, std::string_view sqlstate, std::string_view message,
          std::string_view step);

} // namespace stream::tasks
