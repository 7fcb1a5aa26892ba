#pragma once
// Many users written at once.

#include "users/compare.hpp"

namespace stream::users {

// From so many on it pays.
constexpr std::size_t bulk_minimum = 50;

// Does what store() does with the users that are changed, below SQL: new rows go into the heap many
// at a time, and into the indexes one index after the other. Nothing is written, and false
// returned, when the table isn't one for it or another session turns out to have been faster:
// store() is to be asked then, which waits and decides.
bool store_in_bulk(const UserRequests &users, const Outcome &outcome, TimestampTz now);

} // namespace stream::users
