#pragma once
// The erasure ledger: written by the tasks that erase, in the transactions in which they do.

#include "pg/memory.hpp"
#include "tasks/task.hpp"

namespace stream::erasure {

// The task is about to erase or empty these users' rows in stream.users.
void record_users(const tasks::Task &task, const pg::Vec<std::string_view> &ids);

// The task completes: records those of its users that are not in the ledger yet, whose data alone
// it erased, and gives all their rows the task's final counts.
void record_completion(const tasks::Task &task);

// Takes users that the task erases out of what the queue keeps about other tasks.
void forget_in_queue(const tasks::Task &task, const pg::Vec<std::string_view> &ids);

} // namespace stream::erasure
