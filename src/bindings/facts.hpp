#pragma once
// What the system catalogues say of tables and columns that are to be bound.

#include "pg/memory.hpp"
#include "pg/spi.hpp"

namespace stream::bindings {

struct TableFacts {
    std::string name;      // qualified and quoted
    bool is_table = false; // ordinary or partitioned, permanent
    bool is_partition = false;
    bool is_own = false; // of schema stream, or of the system
    bool caller_owns = false;
    bool hides_rows = false;      // row-level security holds for its owner too
    std::vector<std::string> key; // quoted columns of the primary key
    std::string unusable_key;     // a key column of a type that can't be bound
    Oid owner = InvalidOid;
};

struct ColumnFacts {
    std::string name; // quoted
    std::string type; // as format_type() writes it
    std::string base; // name in pg_type of the type, an array's element type or a domain's base
                      // type; empty where that is not PostgreSQL's own
    bool array = false;
    bool not_null = false;
    bool generated = false;
    bool in_key = false;
    bool deterministic = true;
};

// caller: the role that wants to bind the table.
TableFacts table_facts(Oid relation, Oid caller);
std::optional<ColumnFacts> column_facts(Oid relation, std::string_view column);

// Whether an index leads with these columns, in any order.
bool has_index(Oid relation, const pg::Vec<std::string_view> &columns);
// Whether a GIN index is on the column.
bool has_gin_index(Oid relation, std::string_view column);
// Whether an index of this access method leads with the expression, written as in an index.
bool has_expression_index(Oid relation, const char *method, const std::string &expression);

} // namespace stream::bindings
