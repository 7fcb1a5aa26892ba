#include "lifecycle/deletion.hpp"

#include "events/emit.hpp"
#include "lifecycle/jobs.hpp"
#include "pg/array.hpp"

namespace stream::lifecycle {

namespace {

OverUsers mark_users(R"(
    UPDATE stream.users
    SET deleted_at = COALESCE(deleted_at, $2), deleted_mode = $3, deleted_by_task = $4::uuid,
        online = false, updated_at = $2
    WHERE id = ANY ($1))",
                     {TEXTARRAYOID, TIMESTAMPTZOID, TEXTOID, TEXTOID});

Mode mode_named(const std::string &name) {
    for (const Mode mode : {Mode::soft, Mode::pruning, Mode::hard})
        if (name == mode_name(mode))
            return mode;
    return Mode::none;
}

std::optional<std::string> name_of(Mode mode) {
    return mode == Mode::none ? std::nullopt : std::optional<std::string>(mode_name(mode));
}

} // namespace

void refuse_weaker(const std::vector<Subject> &subjects, Mode mode) {
    for (const Subject &subject : subjects) {
        if (mode == Mode::none || !subject.deleted || mode > mode_named(subject.deleted_mode))
            continue;
        throw bad_input("user " + quoted(subject.id) + " is already deleted with user_mode " +
                        quoted(subject.deleted_mode))
            .at(subject.path)
            .of(subject.id)
            .hint("Use a stronger user_mode, or NULL to delete only data.");
    }
}

std::string start_deletion(const std::vector<Subject> &subjects, const DeletionRequest &request) {
    const Modes &modes = request.modes;
    std::string task = enqueue("delete_users", subjects,
                               {{"user_mode", name_of(modes.user)},
                                {"messages_mode", name_of(modes.messages)},
                                {"conversations_mode", name_of(modes.conversations)},
                                {"calls_mode", name_of(modes.calls)},
                                {"new_owner", request.new_owner},
                                {"new_call_owner", request.new_call_owner},
                                {"channel_cid", request.channel_cid}},
                               {{"files", request.files}});
    if (modes.user == Mode::none)
        return task;
    const pg::Vec<std::string_view> ids = ids_of(subjects);
    mark_users.run(ids.size(), {pg::Param::datum(pg::text_array(ids)), GetCurrentTimestamp(),
                                mode_name(modes.user), task});
    events::emit({events::Type::user_deleted, task, {}, {}, mode_name(modes.user)}, ids);
    return task;
}

Modes modes_of(const tasks::Task &task) {
    return parse_modes(task.text("user_mode"), task.text("messages_mode"),
                       task.text("conversations_mode"), task.text("calls_mode"));
}

} // namespace stream::lifecycle
