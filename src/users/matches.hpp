#pragma once
// The users that a request is about, beside their rows, and why they may be refused.

#include "users/place.hpp"
#include "users/record.hpp"

namespace stream::users {

// A user named in a request, and where.
struct Named {
    std::string_view id;
    Place place;
};

// The refusals of a user that the request names twice, and of one that is deleted.
Error named_twice(const Named &user);
Error named_deleted(const Named &user, std::string_view mode);

class Matches {
public:
    // Looks up all of them with one statement. Their rows stay locked until the transaction ends,
    // taken in the order of ids so that calls side by side don't deadlock.
    explicit Matches(pg::Vec<Named> named);

    // What is stored of the user named at that position of the request, if anything: a row that
    // begins with record_columns. Lives as long as this object.
    const std::optional<pg::Row> &row(std::size_t position) const { return rows_[position]; }

    // The positions of the request, sorted by id.
    const pg::Vec<std::size_t> &order() const { return order_; }

    // The first entry of the request that names a user for the second time, a deleted user, or
    // none.
    struct Refusal {
        std::size_t position;
        Error error;
    };
    std::optional<Refusal> first_refusal() const;

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
