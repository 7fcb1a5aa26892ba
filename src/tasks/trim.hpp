#pragma once
// Forgetting old tasks that are over, and pg_cron's old records of workers' runs.

#include "pg/postgres.hpp"

namespace stream::tasks {

// Removes what is older than stream_users.keep_tasks, at most a batch of it. Returns true when
// there may be more.
class Trim {
public:
    bool trim_a_batch();

private:
    bool trim_cron(TimestampTz before);
    int64 last_run_ = 0; // of pg_cron's records, those up to here have been looked at
};

} // namespace stream::tasks
