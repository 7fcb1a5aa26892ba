#pragma once
// Rows of a table written where they are, without a statement.
//
// may_… asks whether that does all that a statement would do, and if so locks the table as one
// does. The places must be those of rows that were found under a snapshot that is still held, and
// that this transaction hasn't changed since: that is an error. Rows that others have changed or
// deleted since are left as they are; it waits for those who are just doing so.

#include "pg/boundary.hpp"

namespace stream::pg {

// Whether a DELETE would do nothing more, such as asking triggers, rules or policies, and whether
// what others have done to a row meanwhile is no error (READ COMMITTED).
bool may_erase_by_place(Oid table);

// Returns how many it has erased.
int64 erase_by_place(Oid table, const ItemPointerData *places, std::size_t n);

// A value for a column of exactly that type.
struct ColumnValue {
    const char *column;
    Oid type;
    Datum value;
};

// The same of an UPDATE that gives these columns the same values in every row. No index may know of
// them, so that what an index has of a row stays true.
bool may_update_by_place(Oid table, const std::vector<ColumnValue> &values);

// Returns how many it has updated. Constraints are checked.
int64 update_by_place(Oid table, const std::vector<ColumnValue> &values,
                      const ItemPointerData *places, std::size_t n);

} // namespace stream::pg
