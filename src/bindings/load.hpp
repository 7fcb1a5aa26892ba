#pragma once

#include "bindings/catalogue.hpp"

namespace stream::bindings {

// Reads the catalogue of this database, as it is now, but for owners' search paths. Raises
// object_not_in_prerequisite_state when a bound table or column is gone, or not what it was when it
// was bound, naming it.
Catalogue load_catalogue();

} // namespace stream::bindings
