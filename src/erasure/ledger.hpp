#pragma once
// The erasure ledger: written by the tasks that erase, in the transactions in which they do.

#include "pg/memory.hpp"
#include "tasks/task.hpp"

namespace stream::erasure {

// The task is about to erase or empty these users' rows in stream.users.
void record_users(const tasks::Task &task, const pg::Vec<std::string_view> &ids);

// The task completes. Records its users where it erased nothing but data of theirs; elsewhere they
// are recorded already, and their rows get the task's final counts. Users who are gone are taken
// out of what the queue keeps about other tasks.
void record_completion(const tasks::Task &task);

} // namespace stream::erasure
