#pragma once
// Telling that something happened, in the transaction in which it does: to the log (stream.events),
// and to whoever listens to the channel stream_users. stream_users.events says to which.

#include "events/event.hpp"
#include "pg/memory.hpp"

namespace stream::tasks {
struct Task;
}

namespace stream::events {

// Whether anybody is to be told. Spares callers the list of users where nobody is.
bool wanted();

// Tells that it happened to these users. For an event of users the call must hold the locks of
// their rows by now: that is what puts a user's events in order. Nothing is told of no users.
void emit(const Event &event, const pg::Vec<std::string_view> &user_ids);

// Tells of the end of a task.
void emit_task(const Event &event);

// Tells that a task is completed. Where it erased users, earlier events no longer name them: only
// that task's user.deleted does, from which followers learn whom to erase. To be called before the
// task's list of users goes.
void task_completed(const tasks::Task &task);

} // namespace stream::events
