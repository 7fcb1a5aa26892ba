// Delete: the call checks everything, marks the users and enqueues the rest.

#include "bindings/current.hpp"
#include "erasure/holds.hpp"
#include "lifecycle/deletion.hpp"
#include "lifecycle/jobs.hpp"
#include "lifecycle/owners.hpp"
#include "lifecycle/totals.hpp"
#include "pg/array.hpp"

#include <algorithm>

namespace stream::lifecycle {

namespace {

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

std::optional<std::string> owned(const std::optional<std::string_view> &text) {
    return text ? std::optional<std::string>(*text) : std::nullopt;
}

// {"counts": {"<table>": {"<mode>": n}}, "duration": …}: what the task would do, changing nothing.
Datum dry_run_response(const pg::Call &call, const std::vector<Subject> &subjects,
                       const Modes &modes) {
    const auto catalogue = bindings::current_catalogue();
    const pg::Vec<std::string_view> tags(subjects.size(), std::string_view());
    tasks::Counts counts =
        count_rows(*catalogue, deletion_plan(*catalogue, modes, false), ids_of(subjects), tags);
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
    erasure::keep_holds_still();
    const auto subjects = lock_subjects(ids, false);
    refuse_weaker(subjects, modes.user);
    check_new_owner(new_owner, "new_owner", subjects);
    check_new_owner(new_call_owner, "new_call_owner", subjects);
    if (modes.user == Mode::hard)
        require_fitting_owner(new_owner);
    erasure::refuse_held(subjects, modes);
    if (call.boolean(8))
        return dry_run_response(call, subjects, modes);
    const DeletionRequest request{modes, owned(new_owner), owned(new_call_owner), call.boolean(7)};
    return task_response(call, start_deletion(subjects, request));
}

} // namespace stream::lifecycle
