#pragma once
// Waking waiting workers from the commit that gives them something to do, and signalling the worker
// of a cancelled task. No shared memory: a worker holds a shared advisory lock while it lives, and
// whoever commits finds the holders through the lock manager and sets their latches.

#include "pg/postgres.hpp"

namespace stream::tasks {

// Waiting workers are woken when the current transaction commits.
void wake_workers_at_commit();

// The backend with this pid gets a query cancel when the current transaction commits.
void cancel_backend_at_commit(int pid);

// The backend with this pid reads at once, rather than when it next looks, which of its caches the
// current transaction made stale: right after the commit. For processes that sleep in poll() and
// ignore a queue of invalidations that has overflowed meanwhile, as pg_cron's launcher does.
void refresh_backend_at_commit(int pid);

// Marks this session as a worker until it is destroyed.
class WorkerPresence {
public:
    WorkerPresence();
    WorkerPresence(const WorkerPresence &) = delete;
    WorkerPresence &operator=(const WorkerPresence &) = delete;
    ~WorkerPresence();
};

} // namespace stream::tasks
