// Restore: users come back at once, their data by a task when there is any.

#include "events/emit.hpp"
#include "lifecycle/jobs.hpp"
#include "pg/array.hpp"
#include "pg/response.hpp"

using namespace stream;
using namespace stream::lifecycle;

namespace {

pg::Statement unmark_users(R"(
    UPDATE stream.users
    SET deleted_at = NULL, deleted_mode = NULL, deleted_by_task = NULL, updated_at = $2
    WHERE id = ANY ($1))",
                           {TEXTARRAYOID, TIMESTAMPTZOID});

// A deletion that failed or was cancelled may be retried: not for users who are back.
pg::Statement leave_deletions(R"(
    DELETE FROM stream.task_users u
    USING stream.tasks t
    WHERE t.seq = u.seq AND t.kind = 'delete_users' AND t.status IN ('failed', 'cancelled')
      AND u.user_id = ANY ($1))",
                              {TEXTARRAYOID});

// Whether these deletions marked, or may yet mark, anything but users: a task that is not finished,
// or whose record is gone, may have.
pg::Statement data_was_marked(R"(
    SELECT EXISTS (SELECT
                   FROM unnest($1::text[]) AS d (task)
                   LEFT JOIN stream.tasks t ON t.id = d.task::uuid
                   WHERE t.id IS NULL OR t.status <> 'completed' OR t.counts - 'stream.users' <> '{}'))",
                              {TEXTARRAYOID});

void refuse_not_soft(const std::vector<Subject> &subjects) {
    for (const Subject &subject : subjects) {
        if (!subject.deleted)
            throw bad_input("user " + quoted(subject.id) + " is not deleted, it can't be restored")
                .at(subject.path)
                .of(subject.id);
        if (subject.deleted_mode != "soft")
            throw bad_input("user " + quoted(subject.id) + " is deleted with user_mode " +
                            quoted(subject.deleted_mode) + ", it can't be restored")
                .at(subject.path)
                .of(subject.id)
                .hint("Only soft-deleted users can be restored.");
    }
}

} // namespace

// stream_restore_users(ids)
STREAM_FUNCTION(stream_restore_users, "RestoreUsers") {
    const auto ids = call.text_array(0, "ids");
    const auto subjects = lock_subjects(ids, false);
    refuse_not_soft(subjects);
    pg::Vec<std::string_view> deletions;
    for (const Subject &subject : subjects)
        deletions.push_back(subject.deleted_by_task);
    unmark_users.run({pg::Param::datum(pg::text_array(ids)), GetCurrentTimestamp()});
    leave_deletions.run({pg::Param::datum(pg::text_array(ids))});
    if (data_was_marked.run({pg::Param::datum(pg::text_array(deletions))})[0].boolean(1)) {
        const std::string task =
            enqueue("restore_users", subjects, {}, {}, &Subject::deleted_by_task);
        events::emit({events::Type::user_restored, task}, ids_of(subjects));
        return task_response(call, task);
    }
    events::emit({events::Type::user_restored}, ids_of(subjects));
    return pg::duration_response(call);
}
