#pragma once
// The pieces that the statements of sql.cpp and sql_act.cpp are made of. In them t is a row of the
// table, k the keys of a batch.
// PostgreSQL-free.

#include "bindings/sql.hpp"

namespace stream::bindings::parts {

// $n
std::string parameter(std::size_t n);

// k1, k2 … with something around each: join(2, ", ", [](i) …).
template <class Item> std::string join(std::size_t n, const char *separator, Item item) {
    std::string out;
    for (std::size_t i = 0; i < n; i++) {
        if (i > 0)
            out += separator;
        out += item(i);
    }
    return out;
}

// k1, k2 …: the names of the key's columns in k, the first at 0.
std::string key_alias(std::size_t i);

// The keys of a batch as a table k (driver, tag, k1, …).
std::string keys_table(std::size_t key_columns);

// Nothing but the keys, as a table k (k1, …); of a child, the columns that it holds.
std::string bare_keys(const Relation &relation);
std::string bare_keys(const Child &child);

// By PostgreSQL's own operator, whatever the search path.
std::string equal(const std::string &left, const std::string &right);

// A condition: the row t is in the table itself, not in one that inherits from it.
std::string is_itself(const Relation &relation);

// Where the row t is; null for one in a table that inherits.
std::string place(const Relation &relation);

// The row t is the one with the key k.
std::string key_join(const Relation &relation);

// The key of a row t as stream.marks holds it.
std::string key_array(const Relation &relation);

// A condition: the row t was marked, or claimed, by this task. Written as a value, one look-up by
// key a row: as a join it would go by what the planner guesses of one task's marks.
std::string marked_by(const Relation &relation, const std::string &task);

// A condition: the row t is not marked deleted.
std::string unmarked(const Relation &relation);

// A user's id, an expression of type text, as the column holds it.
std::string id_as(const Column &column, const std::string &id);

// The path into the column's documents.
std::string path_of(const Column &column);

// What a document holds at the column's path.
std::string inner(const Column &column, const std::string &value);

// The same as text.
std::string text_at(const Column &column, const std::string &value);

// A parameter of an action statement (Extras).
std::string extra(int position);

} // namespace stream::bindings::parts
