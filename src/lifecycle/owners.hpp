#pragma once
// Who takes over what hard-deleted users owned.

#include "lifecycle/plan.hpp"
#include "tasks/task.hpp"

#include <optional>
#include <string_view>

namespace stream::lifecycle {

// Refuses a hard deletion (code 4) that could not reassign a column which can't be null: one of a
// type that can't hold the new owner's id, or, without a new owner, the placeholder's.
void require_fitting_owner(std::optional<std::string_view> new_owner);

// The new owner for a reassign step: the one the call named, or the placeholder of this task, which
// is made here. Nobody where the column can't hold that one's id.
pg::Param new_owner(const tasks::Task &task, const Step &step);

} // namespace stream::lifecycle
