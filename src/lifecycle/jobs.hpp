#pragma once
// The kinds of tasks that lifecycle makes, and the plan behind each.

#include "lifecycle/subjects.hpp"
#include "tasks/task.hpp"

namespace stream::lifecycle {

// What a task is told besides its users. Strings without a value are left out.
using Parameters = std::vector<std::pair<std::string, std::optional<std::string>>>;
using Flags = std::vector<std::pair<std::string, bool>>;

// Enqueues a task over these users. with_tags: the task lifts the marks that an earlier task made;
// tag tells which for each user.
std::string enqueue(const char *kind, const std::vector<Subject> &subjects,
                    const Parameters &parameters, const Flags &flags,
                    std::string Subject::*tag = nullptr);

// Runs a task just enqueued to its end, in this transaction.
void run_now(const std::string &id);

// {"task_id": …, "duration": …}
Datum task_response(const pg::Call &call, const std::string &id);

} // namespace stream::lifecycle
