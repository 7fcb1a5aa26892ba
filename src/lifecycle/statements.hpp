#pragma once
// Action statements (see bindings/sql.hpp) over a batch, and what stream.marks has to know of them.

#include "bindings/catalogue.hpp"
#include "lifecycle/batch.hpp"
#include "tasks/task.hpp"

namespace stream::lifecycle {

// Their parameters, and the types of these.
pg::Params action_params(const tasks::Task &task, const Batch &batch, pg::Param value,
                         pg::Param list = std::nullopt);
std::vector<Oid> action_types(std::size_t key_columns, std::size_t emptied);

// Writes a table: an application's as its owner, because its triggers run with the rights of
// whoever writes it.
pg::Rows write(const bindings::Relation &relation, const std::string &sql, std::size_t key_columns,
               const pg::Params &params, std::size_t emptied = 0,
               pg::Planning planning = pg::Planning::once);

void remember_marks(const tasks::Task &task, const bindings::Relation &relation, const Keys &keys);
void forget_marks(const bindings::Relation &relation, const Keys &keys);

} // namespace stream::lifecycle
