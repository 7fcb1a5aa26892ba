#pragma once
// Parts that several responses have in common.

#include "users/record.hpp"

namespace stream::users {

// Writes {"<id>": <full user>, …} as the next value of w. The rows begin with record_columns; their
// order is free, their ids differ.
void write_users(pg::JsonbWriter &w, const pg::Vec<pg::Row> &rows);

// The same of users who are told by their positions.
struct Users {
    std::size_t count;
    std::function<std::string_view(std::size_t)> id;
    std::function<UserRecord(std::size_t)> record;
};
void write_users(pg::JsonbWriter &w, const Users &users);

// {"user": <user>, "duration": …}, with membership_deletion_task_id when that is not empty.
Datum user_response(const pg::Call &call, const pg::Row &row, Form form,
                    std::string_view membership_deletion_task_id = {});

// Appends all of rows to collected.
void collect(const pg::Rows &rows, pg::Vec<pg::Row> &collected);

} // namespace stream::users
