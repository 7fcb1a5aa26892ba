#pragma once
// Many users written at once.

#include "users/profile.hpp"

namespace stream::users {

// A profile on its way into the table, and the row it replaces, if any: one of Matches.
struct Change {
    const Profile *profile;
    const pg::Row *stored;
};

// From so many on it pays.
constexpr std::size_t bulk_minimum = 50;

// Does what store() does, below SQL: new rows go into the heap many at a time, and into the indexes
// one index after the other. The changes come sorted by id. Nothing is written, and false returned,
// when the table isn't one for it or another session turns out to have been faster: store() is to
// be asked then, which waits and decides.
bool store_in_bulk(const pg::Vec<Change> &changes, TimestampTz now);

// The user as it is once the change is stored at the time now.
UserRecord record_of(const Change &change, TimestampTz now);

} // namespace stream::users
