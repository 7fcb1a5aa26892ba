// Deactivate and reactivate, one and many.

#include "lifecycle/jobs.hpp"
#include "users/record.hpp"

using namespace stream;
using namespace stream::lifecycle;

namespace {

std::optional<std::string> string_argument(const pg::Call &call, int arg) {
    const auto text = call.text(arg);
    return text ? std::optional<std::string>(*text) : std::nullopt;
}

void require_actor(const std::optional<std::string> &created_by_id) {
    if (created_by_id)
        require_live_user(*created_by_id, "created_by_id");
}

void refuse_deactivated(const std::vector<Subject> &subjects) {
    for (const Subject &subject : subjects) {
        refuse_deleted(subject, "deactivated");
        if (subject.deactivated)
            throw bad_input("user " + quoted(subject.id) + " is already deactivated")
                .at(subject.path)
                .of(subject.id);
    }
}

void refuse_active(const std::vector<Subject> &subjects) {
    for (const Subject &subject : subjects) {
        refuse_deleted(subject, "reactivated");
        if (!subject.deactivated)
            throw bad_input("user " + quoted(subject.id) +
                            " is not deactivated, it can't be reactivated")
                .at(subject.path)
                .of(subject.id);
    }
}

} // namespace

// stream_deactivate_user(id, mark_messages_deleted, created_by_id)
STREAM_FUNCTION(stream_deactivate_user, "DeactivateUser") {
    const std::string_view id = call.required_text(0, "id");
    const auto created_by_id = string_argument(call, 2);
    const auto subjects = lock_subjects({id}, true);
    refuse_deactivated(subjects);
    require_actor(created_by_id);
    run_now(enqueue("deactivate_users", subjects, {{"created_by_id", created_by_id}},
                    {{"mark_messages_deleted", call.boolean(1)}}));
    return users::one_user_response(call, id, users::Form::short_form);
}

// stream_deactivate_users(ids, mark_messages_deleted, mark_channels_deleted, created_by_id)
STREAM_FUNCTION(stream_deactivate_users, "DeactivateUsers") {
    const auto ids = call.text_array(0, "ids");
    const auto created_by_id = string_argument(call, 3);
    const auto subjects = lock_subjects(ids, false);
    refuse_deactivated(subjects);
    require_actor(created_by_id);
    return task_response(call,
                         enqueue("deactivate_users", subjects, {{"created_by_id", created_by_id}},
                                 {{"mark_messages_deleted", call.boolean(1)},
                                  {"mark_channels_deleted", call.boolean(2)}}));
}

// stream_reactivate_user(id, restore_messages, name, created_by_id)
STREAM_FUNCTION(stream_reactivate_user, "ReactivateUser") {
    const std::string_view id = call.required_text(0, "id");
    const auto name = string_argument(call, 2);
    const auto created_by_id = string_argument(call, 3);
    const auto subjects = lock_subjects({id}, true);
    refuse_active(subjects);
    require_actor(created_by_id);
    run_now(enqueue("reactivate_users", subjects,
                    {{"created_by_id", created_by_id}, {"name", name}},
                    {{"restore_messages", call.boolean(1)}}, &Subject::deactivated_by_task));
    return users::one_user_response(call, id, users::Form::short_form);
}

// stream_reactivate_users(ids, restore_messages, restore_channels, created_by_id)
STREAM_FUNCTION(stream_reactivate_users, "ReactivateUsers") {
    const auto ids = call.text_array(0, "ids");
    const auto created_by_id = string_argument(call, 3);
    const auto subjects = lock_subjects(ids, false);
    refuse_active(subjects);
    require_actor(created_by_id);
    return task_response(
        call,
        enqueue("reactivate_users", subjects, {{"created_by_id", created_by_id}},
                {{"restore_messages", call.boolean(1)}, {"restore_channels", call.boolean(2)}},
                &Subject::deactivated_by_task));
}
