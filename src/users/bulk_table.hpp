#pragma once
// stream.users as rows are written into it below SQL, and whether that would do what the statement
// does.

#include "pg/spi.hpp"

namespace stream::users {

// What a profile says of a row, in an order of its own.
enum class Given {
    id,
    role,
    name,
    image,
    custom,
    teams,
    teams_role,
    language,
    invisible,
    privacy_settings,
    updated_at,
    created_at, // of a new row only
};
constexpr int given_count = 12;

// Where the columns stand in the table.
struct BulkTable {
    Relation relation = nullptr;
    ResultRelInfo *target = nullptr; // with its indexes open
    EState *state = nullptr;
    int column[given_count] = {}; // positions in a row, from 0
    int online = 0;
};

// Opens the table for writing until the subtransaction ends, or close() is called. Gives false when
// an INSERT has to be asked: the table has triggers, rules, row-level security, columns or indexes
// that only a statement takes care of, or the role has not all rights on it.
bool open_bulk_table(BulkTable &table);
void close_bulk_table(BulkTable &table);

// Whether an index leads to something that replacing a profile sets.
bool is_index_touched(const BulkTable &table, const IndexInfo *index);

} // namespace stream::users
