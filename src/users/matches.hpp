#pragma once
// The users that a request names, beside their rows.

#include "users/place.hpp"
#include "users/record.hpp"

namespace stream::users {

// A user named in a request, and where.
struct Named {
    std::string_view id;
    Place place;
};

class Matches {
public:
    enum class Lock { none, rows };

    // Looks up all of them with one statement. With Lock::rows the rows stay locked until the
    // transaction ends, taken in the order of ids so that calls side by side don't deadlock.
    Matches(pg::Vec<Named> named, Lock lock);

    // What is stored of the user named at that position of the request, if anything: a row that
    // begins with record_columns. Lives as long as this object.
    const std::optional<pg::Row> &row(std::size_t position) const { return rows_[position]; }

    // Where a stored row is in the table.
    static ItemPointer place(const pg::Row &row);

    // The positions of the request, sorted by id.
    const pg::Vec<std::size_t> &order() const { return order_; }

    // The first entry of the request that names a user for the second time, a deleted user, or,
    // where must_exist, none.
    struct Refusal {
        std::size_t position;
        Error error;
    };
    std::optional<Refusal> first_refusal(bool must_exist) const;

private:
    enum class State { fine, twice, deleted, missing };
    State state(std::size_t in_order) const;
    Error refuse(std::size_t position, State state) const;

    pg::Vec<Named> named_;
    pg::Vec<std::size_t> order_;
    std::optional<pg::Rows> found_;
    pg::Vec<std::optional<pg::Row>> rows_;
};

} // namespace stream::users
