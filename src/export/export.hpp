#pragma once
// What a user can take along: rows of bound tables, and the user object.

#include "bindings/catalogue.hpp"
#include "pg/memory.hpp"
#include "pg/spi.hpp"
#include "tasks/task.hpp"

namespace stream::exporting {

// Primary keys of rows, column by column, as text.
using Keys = std::vector<pg::Vec<std::string_view>>;

// Under which snapshot rows are read: one that sees what is committed by now, or the caller's.
enum class Snapshot { fresh, callers };

// The rows of a table with these keys, each of the user at its place in users, as their table's
// owner reads them: (user, key, content). In the order of the key.
pg::Rows read_contents(const bindings::Relation &relation, const pg::Vec<std::string_view> &users,
                       const Keys &keys, Snapshot snapshot);

// Notes rows of a table for the export of a task: each of the user at its place in users. Returns
// how many were noted that were not before.
int64 note_rows(const tasks::Task &task, const bindings::Relation &relation,
                const pg::Vec<std::string_view> &users, const Keys &keys);

// Notes the user objects of these users. Returns how many.
int64 note_users(const tasks::Task &task, const pg::Vec<std::string_view> &users);

} // namespace stream::exporting
