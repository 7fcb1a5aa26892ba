#pragma once
// The task table: enqueue, save, retry, end. Taking a task up is in tasks/claim.hpp.

#include "tasks/task.hpp"

namespace stream::tasks {

// Enqueues in the current transaction; returns the task's id as text. A waiting worker is woken
// when the transaction commits. details, where given, holds a value for each user
// (task_users.detail).
std::string enqueue(std::string_view kind, const Jsonb *params,
                    const pg::Vec<std::string_view> &user_ids,
                    const pg::Vec<std::optional<pg::JsonValue>> *details = nullptr);

// Writes progress, cursor and counts of a chunk that is done. Returns true when somebody asked for
// the task to be cancelled.
bool save(const Task &task);

// Whether somebody asked for the task to be cancelled; from now on nobody can before the
// transaction's end.
bool cancel_requested(const Task &task);

// Why a chunk failed.
struct Failure {
    std::string_view sqlstate;
    std::string_view message;
    std::string_view step;
};

// Puts a task whose chunk failed back into the queue for a while, which is longer with each retry.
void retry_later(const Task &task, const Failure &failure);

// The ends of a task's life. Each wakes waiting workers at commit: a task that waited for this one
// may be due. What was committed stays, and is counted in the result. complete() also writes what
// save() does, and returns true when somebody asked, too late, for the task to be cancelled.
bool complete(const Task &task);
void cancel(const Task &task);
void fail(const Task &task, const Failure &failure);

} // namespace stream::tasks
