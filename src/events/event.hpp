#pragma once
// What happened, and how it is told: the types of events and the payload of a notification.
// PostgreSQL-free.

#include <string>
#include <string_view>
#include <vector>

namespace stream::events {

enum class Type {
    user_updated, // or created
    user_deactivated,
    user_reactivated,
    user_deleted,
    user_restored,
    task_completed,
    task_failed,
    task_cancelled,
};

// As the API writes them: user.updated.
const char *type_name(Type type);

// Something that happened to users, or to a task. Strings without a value are empty and left out.
struct Event {
    Type type;
    std::string_view task_id = {};
    std::string_view kind = {};       // of a task
    std::string_view error_type = {}; // of a failed task: an SQLSTATE
    std::string_view user_mode = {};  // of a deletion
};

// How many users a notification names; of more it says only the number.
constexpr std::size_t users_named = 10;

// The payload of NOTIFY, a JSON object: at most 3,000 bytes of the 8,000 that PostgreSQL takes.
//   {"type":"user.deleted","count":2,"user_ids":["ann","bob"],"task_id":"…","user_mode":"soft"}
// user_ids are the users it happened to, where they are no more than users_named; count is their
// number. An event of a task has neither.
std::string notification(const Event &event, std::size_t count,
                         const std::vector<std::string_view> &user_ids);

} // namespace stream::events
