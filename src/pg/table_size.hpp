#pragma once
// How large a table is now, whatever its statistics say.

#include "pg/boundary.hpp"

namespace stream::pg {

// In pages (8 kB as a rule). No value for what is more, or other, than a table of its own: one from
// which others inherit, a partitioned or foreign one, a view.
std::optional<int64> pages_of(Oid table);

} // namespace stream::pg
