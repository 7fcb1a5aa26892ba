#pragma once
// A table and the index that leads to some of its columns, opened. Everything here can raise: call
// it under a guard.

#include "pg/places.hpp"

namespace stream::pg {

// A table, open for reading, and the positions of columns in its rows, from 1.
struct Table {
    Relation relation = nullptr;
    bool is_plain = false; // a table of its own, with all of these columns
    AttrNumber columns[max_columns] = {};
};

// Close its relation with table_close(); locks stay to the end of the transaction.
Table open_table(Oid oid, const std::vector<const char *> &columns) noexcept;

// Where a column of type text is in a table's rows, from 1; 0 when there is none.
AttrNumber find_column(Relation table, const char *name) noexcept;

// A text in a row, an empty one where it is null. Points into the slot's page as long as the slot
// is there, unless it had to be detoasted.
std::string_view text_in(TupleTableSlot *slot, AttrNumber column) noexcept;

// An index that leads to a table's columns, and room for what is sought in it.
struct Way {
    Relation index = nullptr; // nullptr: there is none
    int width = 0;
    std::size_t order[max_columns] = {}; // of the index's columns among the table's
    text *key[max_columns] = {};
    std::size_t room[max_columns] = {};
};

// Close its index with index_close().
Way open_way(const Table &table, std::size_t columns) noexcept;

} // namespace stream::pg
