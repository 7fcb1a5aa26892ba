#pragma once
// What can be asked of a table, or done to it, without a statement.

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

// Whether rows of the table may be erased by place: where a DELETE would do nothing more, such as
// asking triggers, rules or policies, and where what others have done to a row meanwhile is no
// error (READ COMMITTED). Locks the table as a DELETE does.
bool may_erase_by_place(Oid table);

// Erases the rows that have been found in these places under a snapshot that is still held, and
// returns how many. Rows that others have changed or deleted since are left as they are; it
// waits for those who are just doing so. Only where it may be done, and this transaction has not
// changed the rows since: that is an error.
int64 erase_by_place(Oid table, const ItemPointerData *places, std::size_t n);

} // namespace stream::pg
