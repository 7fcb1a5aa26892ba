#pragma once
// What pg_stat_activity shows of a worker.

#include "tasks/task.hpp"

namespace stream::tasks {

// While it lives, the session's query is what the worker is doing; afterwards it is the CALL again.
class Activity {
public:
    Activity() = default;
    Activity(const Activity &) = delete;
    Activity &operator=(const Activity &) = delete;
    ~Activity();
    // At work on a task: "stream_users: delete_users 1a2b3c4d: erase stream.messages by user_id,
    // 45.1 %".
    void works_on(const Task &task);
    // Between tasks.
    void looks_for_tasks();
    // Sleeps until told otherwise; the query stays what it was.
    void rests();
    void waits_for_tasks();
};

} // namespace stream::tasks
