#pragma once
// Pending tasks, and which of them are due: tasks on one user are taken up one after another, the
// oldest first.

#include "pg/spi.hpp"

namespace stream::tasks {

// Due tasks by seq, the oldest first; not more than a worker is soon done with.
std::vector<int64> due_tasks();

// Whether no other task on a user of this pending one goes first.
bool is_first_in_line(int64 seq);

// The row of a pending task, of all its columns. No value when there is none, and when it takes a
// statement to tell.
std::optional<pg::Row> pending_row(int64 seq);

} // namespace stream::tasks
