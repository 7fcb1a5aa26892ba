#include "lifecycle/subjects.hpp"

#include "pg/array.hpp"

#include <unordered_map>

namespace stream::lifecycle {

namespace {

OverUsers lock_users(R"(
    SELECT id, deactivated_at IS NOT NULL, deactivated_by_task::text,
           deleted_at IS NOT NULL, deleted_mode, deleted_by_task::text
    FROM stream.users
    WHERE id = ANY ($1)
    ORDER BY id
    FOR NO KEY UPDATE)",
                     {TEXTARRAYOID});

pg::Statement user_state("SELECT deleted_at IS NOT NULL FROM stream.users WHERE id = $1",
                         {TEXTOID});

Error unknown(const Subject &subject) {
    return not_found("user " + quoted(subject.id) + " does not exist")
        .at(subject.path)
        .of(subject.id);
}

void fill(Subject &subject, const pg::Row &row) {
    subject.deactivated = row.boolean(2);
    subject.deactivated_by_task = row.text(3);
    subject.deleted = row.boolean(4);
    subject.deleted_mode = row.text(5);
    subject.deleted_by_task = row.text(6);
}

} // namespace

std::vector<Subject> lock_subjects(const std::vector<std::string_view> &ids, bool single) {
    if (ids.empty())
        throw bad_input("ids must not be empty").at("ids").hint("Name at least one user.");
    std::vector<Subject> subjects(ids.size());
    std::unordered_map<std::string_view, std::size_t> position;
    for (std::size_t i = 0; i < ids.size(); i++) {
        subjects[i].id = ids[i];
        subjects[i].path = single ? "id" : "ids[" + std::to_string(i) + "]";
        if (!position.emplace(ids[i], i).second)
            throw bad_input("user " + quoted(ids[i]) + " is named twice")
                .at(subjects[i].path)
                .of(ids[i]);
    }
    const pg::Rows rows = lock_users.run(ids.size(), {pg::Param::datum(pg::text_array(ids))});
    std::vector<bool> known(ids.size(), false);
    for (std::size_t i = 0; i < rows.size(); i++) {
        const std::size_t at = position.at(rows[i].text(1));
        fill(subjects[at], rows[i]);
        known[at] = true;
    }
    for (std::size_t i = 0; i < ids.size(); i++)
        if (!known[i])
            throw unknown(subjects[i]);
    return subjects;
}

void refuse_deleted(const Subject &subject, const char *verb) {
    if (subject.deleted)
        throw bad_input("user " + quoted(subject.id) + " is deleted, it can't be " + verb)
            .at(subject.path)
            .of(subject.id)
            .hint("A soft-deleted user can be restored with stream_restore_users first.");
}

void require_live_user(std::string_view id, const char *argument) {
    const pg::Rows rows = user_state.run({id});
    if (rows.empty())
        throw not_found("user " + quoted(id) + " does not exist").at(argument).of(id);
    if (rows[0].boolean(1))
        throw bad_input("user " + quoted(id) + " is deleted").at(argument).of(id);
}

pg::Vec<std::string_view> ids_of(const std::vector<Subject> &subjects) {
    pg::Vec<std::string_view> ids;
    ids.reserve(subjects.size());
    for (const Subject &subject : subjects)
        ids.push_back(subject.id);
    return ids;
}

} // namespace stream::lifecycle
