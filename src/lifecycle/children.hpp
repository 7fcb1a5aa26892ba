#pragma once
// What hangs on the rows of a batch: it goes, is marked, or loses its pointers with them.

#include "lifecycle/batch.hpp"
#include "lifecycle/plan.hpp"
#include "tasks/task.hpp"

namespace stream::lifecycle {

// Before the rows themselves, and counted in the task. Returns whether a statement has done it to
// any of them, which may have set off triggers that changed other rows.
bool take_children_along(const bindings::Catalogue &catalogue, tasks::Task &task, const Step &step,
                         const Batch &batch);

} // namespace stream::lifecycle
