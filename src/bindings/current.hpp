#pragma once

#include "bindings/catalogue.hpp"

namespace stream::bindings {

// The catalogue of this database as it is now: another object than at an earlier call when
// something of it may have changed since. Until the transaction ends nobody can alter the
// application's tables in it. Raises object_not_in_prerequisite_state when a bound table or column
// is gone, or not what it was when it was bound, naming it.
std::shared_ptr<const Catalogue> current_catalogue();

// Makes the session's next call of it a short one. Does nothing where that would lock an
// application's tables.
void warm_up();

} // namespace stream::bindings
