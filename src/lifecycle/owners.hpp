#pragma once
// Who takes over what hard-deleted users owned in the application's tables.

#include <optional>
#include <string_view>

namespace stream::lifecycle {

// Refuses a hard deletion (code 4) that could not reassign a column which can't be null: one of a
// type that can't hold the new owner's id, or, without a new owner, the placeholder's.
void require_fitting_owner(std::optional<std::string_view> new_owner);

} // namespace stream::lifecycle
