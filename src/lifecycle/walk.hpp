#pragma once
// From a step of a plan to the rows it looks at. PostgreSQL-free.

#include "bindings/sql.hpp"
#include "lifecycle/plan.hpp"

namespace stream::lifecycle {

bindings::Walk walk_of(const Step &step);

} // namespace stream::lifecycle
