#pragma once
// The answer of a function that has nothing to say but how long it took.

#include "pg/boundary.hpp"

namespace stream::pg {

// {"duration": …}
Datum duration_response(const Call &call);

} // namespace stream::pg
