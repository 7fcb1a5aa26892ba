#pragma once
// The tables that hang on a bound one, and what is refused of any table that is to be bound.

#include "bindings/facts.hpp"

namespace stream::bindings {

// A table as it must be to be bound; path names it in the request.
TableFacts require_table(Oid relation, Oid caller, const std::string &path);
ColumnFacts require_column(Oid relation, std::string_view column, const std::string &table,
                           const std::string &path);

// PostgreSQL's own error for somebody who must own a table and does not.
[[noreturn]] void refuse_stranger(Oid relation);

// Notes what hangs on rows of a table, in place of what did: {"schema.table": "column"}, or an
// array of columns, or an object; see stream_bind_table. nullptr: nothing does.
void hang_children(Oid parent, const Jsonb *children, Oid caller);

// Forgets what hangs on a table that is bound no longer, and on that in turn.
void let_go(Oid parent);

// A warning with the index to make; definition is what follows the table's name.
void missing_index(const std::string &table, const std::string &column,
                   const std::string &definition);

} // namespace stream::bindings
