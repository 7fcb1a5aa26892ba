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

// The children whose rows are found by looking their parents' keys up, one by one, where an index
// leads there: with a step's rows they are erased.
std::vector<const bindings::Child *> children_looked_up(const bindings::Catalogue &catalogue,
                                                        const Step &step);

// The child's columns with the key of its parent, or a part of it.
std::vector<const char *> columns_of(const bindings::Child &child);

} // namespace stream::lifecycle
