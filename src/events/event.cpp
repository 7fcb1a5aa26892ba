// PostgreSQL-free
#include "events/event.hpp"

#include "pg/error.hpp"

namespace stream::events {

namespace {

void add_text(std::string &json, std::string_view key, std::string_view text) {
    if (text.empty())
        return;
    json += json.size() > 1 ? "," : "";
    append_json_string(json, key);
    json += ':';
    append_json_string(json, text);
}

void add_users(std::string &json, std::size_t count,
               const std::vector<std::string_view> &user_ids) {
    json += ",\"count\":" + std::to_string(count);
    if (count > users_named)
        return;
    json += ",\"user_ids\":[";
    for (std::size_t i = 0; i < user_ids.size(); i++) {
        json += i > 0 ? "," : "";
        append_json_string(json, user_ids[i]);
    }
    json += ']';
}

} // namespace

const char *type_name(Type type) {
    switch (type) {
    case Type::user_updated:
        return "user.updated";
    case Type::user_deactivated:
        return "user.deactivated";
    case Type::user_reactivated:
        return "user.reactivated";
    case Type::user_deleted:
        return "user.deleted";
    case Type::user_restored:
        return "user.restored";
    case Type::task_completed:
        return "task.completed";
    case Type::task_failed:
        return "task.failed";
    case Type::task_cancelled:
        break;
    }
    return "task.cancelled";
}

std::string notification(const Event &event, std::size_t count,
                         const std::vector<std::string_view> &user_ids) {
    std::string json = "{";
    add_text(json, "type", type_name(event.type));
    if (count > 0)
        add_users(json, count, user_ids);
    add_text(json, "task_id", event.task_id);
    add_text(json, "kind", event.kind);
    add_text(json, "error_type", event.error_type);
    add_text(json, "user_mode", event.user_mode);
    return json + '}';
}

} // namespace stream::events
