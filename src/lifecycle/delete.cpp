// Delete: the call checks everything, marks the users and enqueues the rest.

#include "bindings/load.hpp"
#include "events/emit.hpp"
#include "lifecycle/execute.hpp"
#include "lifecycle/jobs.hpp"
#include "lifecycle/owners.hpp"
#include "pg/array.hpp"

#include <algorithm>

namespace stream::lifecycle {

namespace {

pg::Statement mark_users(R"(
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

// A user deleted already can only be deleted more thoroughly.
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

void check_new_owner(const std::optional<std::string_view> &owner, const char *argument,
                     const std::vector<Subject> &subjects) {
    if (!owner)
        return;
    if (std::any_of(subjects.begin(), subjects.end(),
                    [&](const Subject &subject) { return subject.id == *owner; }))
        throw bad_input(std::string(argument) + " " + quoted(*owner) +
                        " is among the users to be deleted")
            .at(argument)
            .of(*owner);
    require_live_user(*owner, argument);
}

std::optional<std::string> name_of(Mode mode) {
    return mode == Mode::none ? std::nullopt : std::optional<std::string>(mode_name(mode));
}

std::optional<std::string> owned(const std::optional<std::string_view> &text) {
    return text ? std::optional<std::string>(*text) : std::nullopt;
}

// {"counts": {"<table>": {"<mode>": n}}, "duration": …}: what the task would do, changing nothing.
Datum dry_run_response(const pg::Call &call, const std::vector<Subject> &subjects,
                       const Modes &modes) {
    const bindings::Catalogue catalogue = bindings::load_catalogue();
    const pg::Vec<std::string_view> tags(subjects.size(), std::string_view());
    tasks::Counts counts =
        count_rows(catalogue, deletion_plan(catalogue, modes, false), ids_of(subjects), tags);
    if (modes.user != Mode::none)
        counts["stream.users"][mode_name(modes.user)] = static_cast<int64>(subjects.size());
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"counts", "duration"});
    tasks::write_counts(w, counts);
    w.string(call.duration());
    w.end();
    return w.datum();
}

} // namespace

// stream_delete_users(ids, user_mode, messages_mode, conversations_mode, calls_mode, new_owner,
//                     new_call_owner, files, dry_run)
STREAM_FUNCTION(stream_delete_users, "DeleteUsers") {
    const auto ids = call.text_array(0, "ids");
    const Modes modes = parse_modes(call.text(1), call.text(2), call.text(3), call.text(4));
    const auto new_owner = call.text(5);
    const auto new_call_owner = call.text(6);
    const auto subjects = lock_subjects(ids, false);
    refuse_weaker(subjects, modes.user);
    check_new_owner(new_owner, "new_owner", subjects);
    check_new_owner(new_call_owner, "new_call_owner", subjects);
    if (modes.user == Mode::hard)
        require_fitting_owner(new_owner);
    if (call.boolean(8))
        return dry_run_response(call, subjects, modes);
    const std::string task = enqueue("delete_users", subjects,
                                     {{"user_mode", name_of(modes.user)},
                                      {"messages_mode", name_of(modes.messages)},
                                      {"conversations_mode", name_of(modes.conversations)},
                                      {"calls_mode", name_of(modes.calls)},
                                      {"new_owner", owned(new_owner)},
                                      {"new_call_owner", owned(new_call_owner)}},
                                     {{"files", call.boolean(7)}});
    if (modes.user != Mode::none) {
        mark_users.run({pg::Param::datum(pg::text_array(ids)), GetCurrentTimestamp(),
                        mode_name(modes.user), task});
        events::emit({events::Type::user_deleted, task, {}, {}, mode_name(modes.user)},
                     ids_of(subjects));
    }
    return task_response(call, task);
}

} // namespace stream::lifecycle
