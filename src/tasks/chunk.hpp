#pragma once
// One chunk of a task, in its caller's transaction: what it does is done whole or not at all.

#include "pg/transaction.hpp"
#include "tasks/pace.hpp"
#include "tasks/task.hpp"

namespace stream::tasks {

enum class Outcome { progressed, ended, blocked, put_off };

// A worker's chunks.
class Chunks {
public:
    // atomic: inside a caller's transaction block.
    explicit Chunks(bool atomic) : atomic_(atomic) {}

    // The next chunks are of this task.
    void begin(const Task &task);
    // Does a chunk and writes what becomes of the task; when it fails, the task is where the last
    // chunk left it.
    Outcome run(Job &job, Task &task);
    // The first chunk of a task that was not marked as running, which it still isn't when this
    // gives false.
    bool is_over_at_once(Job &job, Task &task);
    // Once after a task ended that somebody had cancelled, soon enough for the signal to be for it.
    bool was_late_cancel() { return GetCurrentTimestamp() < std::exchange(late_cancel_until_, 0); }

private:
    struct Done {
        Job::State state = Job::State::more;
        bool cancelled = false;
        bool is_over() const { return state == Job::State::finished || cancelled; }
    };
    Done advance(Job &job, Task &task, int lock_timeout_ms);
    Outcome settle(Task &task, const pg::Rollback &failure);
    void count_work(Task &task, int64 rows);
    void expect_late_cancel();

    bool atomic_;
    Rate rate_;
    TimestampTz counted_until_ = 0; // of the time spent on the present task
    // Somebody cancelled a task that ended before the signal for it came: until when it may.
    TimestampTz late_cancel_until_ = 0;
};

} // namespace stream::tasks
