#pragma once

#include "bindings/catalogue.hpp"

namespace stream::bindings {

// Reads the catalogue of this database. Raises undefined_table or undefined_column when a bound
// relation or column is gone, naming it.
Catalogue load_catalogue();

} // namespace stream::bindings
