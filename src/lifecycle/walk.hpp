#pragma once
// From a step of a plan to the rows it looks at. PostgreSQL-free.

#include "bindings/sql.hpp"
#include "lifecycle/plan.hpp"

namespace stream::lifecycle {

bindings::Walk walk_of(const Step &step);

// Whether the step handles rows where its batch statement found them. An application's triggers may
// keep rows of its own tables, for which looking a second time would mean running them again.
bool acts_by_place(const Step &step);

} // namespace stream::lifecycle
