#pragma once
// What a step does to the rows of one batch, and to what hangs on them.

#include "bindings/catalogue.hpp"
#include "lifecycle/batch.hpp"
#include "lifecycle/plan.hpp"
#include "tasks/task.hpp"

namespace stream::lifecycle {

// Handles a batch in the current transaction, and counts it in the task.
void handle(const bindings::Catalogue &catalogue, tasks::Task &task, const Step &step,
            const Batch &batch);

// The parameter with a step's match value.
pg::Param match_value(const std::optional<bindings::Match> &match);

} // namespace stream::lifecycle
