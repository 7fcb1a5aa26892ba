#pragma once
// Where a new row of the log goes.

#include "pg/postgres.hpp"

namespace stream::events {

struct Place {
    int64 seq;        // its number
    int64 settles_at; // the transaction before which whoever took a smaller number began
};

// Takes the next number. Gives the transaction an id where it has none.
Place next_place();

} // namespace stream::events
