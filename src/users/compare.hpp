#pragma once
// What a request comes to: its users beside what is stored of them.

#include "users/request.hpp"
#include "users/teams.hpp"

namespace stream::users {

// A user of the request.
struct Compared {
    uint32 user;        // its position there
    uint32 changed : 1; // so is a new user
    uint32 stored : 31; // its position in Outcome::stored; none of a new user
    static constexpr uint32 none = PG_INT32_MAX;
    bool is_new() const { return stored == none; }
};

// What is stored of a user beside its profile, and where.
struct Stored {
    TimestampTz created_at;
    TimestampTz updated_at;
    ItemPointerData place;
    uint32 state; // a position in Outcome::states; none of a user who has nothing else
};

struct Outcome {
    pg::Vec<Compared> users; // sorted by id
    pg::Vec<Stored> stored;
    pg::Vec<UserState> states;
    std::size_t created = 0;
    std::size_t updated = 0;
    TeamsLeft teams_left;
    std::size_t changed() const { return created + updated; }
};

// Looks the users up without locking them: what a call does not change it must not write, and a
// lock is written. Refuses the first entry that names a user for the second time, or a deleted one.
Outcome compare(const UserRequests &users);

} // namespace stream::users
