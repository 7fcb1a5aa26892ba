#pragma once

#include "bindings/catalogue.hpp"

namespace stream::bindings {

// Reads the catalogue of this database. Raises object_not_in_prerequisite_state when a bound table
// or column is gone, or not what it was when it was bound, naming it.
Catalogue load_catalogue();

// Keeps everybody from altering the application's tables that are bound until the transaction ends,
// and returns what they look like, to be compared with Catalogue::shape.
std::string hold_tables();

} // namespace stream::bindings
