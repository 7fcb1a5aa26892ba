#pragma once
// Times as the contract writes them.

#include "pg/postgres.hpp"

namespace stream::pg {

// Nanoseconds since the Unix epoch; PostgreSQL keeps microseconds, so the last three digits are 0.
inline int64 to_unix_nanoseconds(TimestampTz t) {
    constexpr int64 epoch = int64{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * USECS_PER_DAY;
    return (t + epoch) * 1000;
}

} // namespace stream::pg
