#pragma once
// The statements over the rows of stream.users themselves.

#include "lifecycle/plan.hpp"
#include "tasks/task.hpp"

#include "pg/postgres.hpp"

namespace stream::lifecycle {

// Runs the statement for these users and returns how many rows it handled; table says of which.
struct UserRowsDone {
    const char *table;
    int64 rows;
};
UserRowsDone run_user_rows(UserRows what, const tasks::Task &task,
                           const pg::Vec<std::string_view> &ids);

} // namespace stream::lifecycle
