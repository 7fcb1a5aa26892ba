#pragma once
// How many rows a plan will handle: what dry_run answers, and what progress counts against.

#include "lifecycle/plan.hpp"
#include "pg/memory.hpp"
#include "tasks/task.hpp"

namespace stream::lifecycle {

// Counts what a plan will do for these users, by table and mode. tags may be empty.
tasks::Counts count_rows(const bindings::Catalogue &catalogue, const Plan &plan,
                         const pg::Vec<std::string_view> &ids,
                         const pg::Vec<std::string_view> &tags);

// What a task has done and has still to do, in rows. Where it has found many, what hangs on those
// is estimated.
int64 total_of(const tasks::Task &task, const bindings::Catalogue &catalogue, const Plan &plan);

} // namespace stream::lifecycle
