#pragma once
// Files of erased and emptied rows (delete with files => true).

#include "lifecycle/plan.hpp"
#include "tasks/task.hpp"

#include <functional>

namespace stream::lifecycle {

// Notes the URLs of files in rows that a step is about to erase or empty; run is called with the
// statement over the step's batch, if there is one to run.
void collect_files(const bindings::Catalogue &catalogue, const Step &step,
                   const std::function<void(const std::string &)> &run);

// Keeps the URLs that no row refers to any more as the task's result.
void list_files(tasks::Task &task, const bindings::Catalogue &catalogue);

} // namespace stream::lifecycle
