#pragma once
// What can be asked of a table without a statement.

#include "pg/boundary.hpp"

namespace stream::pg {

// How large a table is now, whatever its statistics say: in pages (8 kB as a rule). No value for
// what is more, or other, than a table of its own: one from which others inherit, a partitioned or
// foreign one, a view.
std::optional<int64> pages_of(Oid table);

// How many rows a table has, as its statistics say; 0 while there are none.
double rows_estimated(Oid table);

// Whether what is in a table, and where, may be read without a statement: where that would ask
// nothing but the table, and under a snapshot of its own (READ COMMITTED).
bool may_read_by_place(Oid table);

} // namespace stream::pg
