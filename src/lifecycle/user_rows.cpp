#include "lifecycle/user_rows.hpp"

#include "erasure/ledger.hpp"
#include "events/emit.hpp"
#include "export/export.hpp"
#include "pg/array.hpp"
#include "pg/spi.hpp"

namespace stream::lifecycle {

namespace {

// All take: $1 ids, $2 task (text), $3 its seq, $4 now, $5 who did it, $6 a new name.
const std::vector<Oid> types{TEXTARRAYOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID};

// Calls lock users in the order of their ids; a statement that changes many would do it in an order
// of its own, and the two might wait for each other.
pg::Statement lock_to_change(R"(
    SELECT FROM stream.users WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE)",
                             {TEXTARRAYOID}, pg::Planning::once);

pg::Statement lock_to_erase(R"(
    SELECT FROM stream.users WHERE id = ANY ($1) ORDER BY id FOR UPDATE)",
                            {TEXTARRAYOID}, pg::Planning::once);

pg::Statement count_marked(R"(
    SELECT id FROM stream.users WHERE id = ANY ($1) AND deleted_at IS NOT NULL)",
                           types, pg::Planning::once);

pg::Statement prune(R"(
    UPDATE stream.users
    SET name = NULL, image = NULL, custom = '{}', teams = '{}', teams_role = NULL, language = '',
        invisible = false, privacy_settings = NULL, push_notifications = NULL, online = false,
        last_active = NULL, avg_response_time = NULL, deactivated_by_id = NULL, updated_at = $4
    WHERE id = ANY ($1) AND deleted_mode IN ('pruning', 'hard'))",
                    types, pg::Planning::once);

pg::Statement erase(R"(
    DELETE FROM stream.users WHERE id = ANY ($1) AND deleted_mode = 'hard')",
                    types, pg::Planning::once);

std::string deactivate_sql(const char *by) {
    return std::string(R"(
    UPDATE stream.users
    SET deactivated_at = $4, deactivated_by_id = )") +
           by + R"(,
        deactivated_by_task = $2::uuid, online = false, updated_at = $4
    WHERE id = ANY ($1) AND deactivated_at IS NULL AND deleted_at IS NULL
    RETURNING id)";
}

pg::Statement deactivate(deactivate_sql("NULL"), types, pg::Planning::once);

// Not by somebody who is about to be erased.
pg::Statement deactivate_by(deactivate_sql(R"((
            SELECT b.id FROM stream.users b WHERE b.id = $5 AND b.deleted_mode IS DISTINCT FROM 'hard'))"),
                            types, pg::Planning::once);

// A user who was deactivated or deleted since the call is none of the task's any more: what it
// would mark of that user nobody could bring back.
pg::Statement leave_overtaken(R"(
    DELETE FROM stream.task_users l
    WHERE l.seq = $1 AND l.user_id = ANY ($2)
      AND NOT EXISTS (SELECT FROM stream.users u WHERE u.id = l.user_id AND u.deactivated_by_task = $3::uuid))",
                              {INT8OID, TEXTARRAYOID, TEXTOID});

// Only the deactivation that the call saw is undone, not a later one. A deactivation that failed or
// was cancelled may be retried: not for users who are back.
pg::Statement reactivate(R"(
    WITH reactivated AS (
        UPDATE stream.users u
        SET deactivated_at = NULL, deactivated_by_id = NULL, deactivated_by_task = NULL,
            name = COALESCE($6, u.name), updated_at = $4
        FROM stream.task_users l
        WHERE l.seq = $3 AND l.user_id = ANY ($1) AND u.id = l.user_id
          AND u.deactivated_at IS NOT NULL AND u.deleted_at IS NULL
          AND u.deactivated_by_task::text IS NOT DISTINCT FROM l.detail ->> 'task'
        RETURNING u.id),
    released AS (
        DELETE FROM stream.task_users l
        USING stream.tasks t, reactivated r
        WHERE t.seq = l.seq AND t.kind = 'deactivate_users' AND t.status IN ('failed', 'cancelled')
          AND l.user_id = r.id)
    SELECT id FROM reactivated)",
                         types, pg::Planning::once);

// A team the user is in again by now is not left.
pg::Statement leave_teams(R"(
    DELETE FROM stream.channel_members m
    USING stream.task_users l, stream.channels c
    WHERE l.seq = $3 AND l.user_id = ANY ($1) AND m.user_id = l.user_id AND c.cid = m.cid
      AND c.team = ANY (ARRAY(SELECT jsonb_array_elements_text(l.detail)))
      AND NOT EXISTS (SELECT FROM stream.users u WHERE u.id = l.user_id AND c.team = ANY (u.teams)))",
                          types, pg::Planning::once);

pg::Statement &statement(UserRows what, bool somebody) {
    switch (what) {
    case UserRows::prune:
        return prune;
    case UserRows::erase:
        return erase;
    case UserRows::deactivate:
        return somebody ? deactivate_by : deactivate;
    case UserRows::reactivate:
        return reactivate;
    case UserRows::leave_teams:
        return leave_teams;
    case UserRows::copy:
    case UserRows::count_marked:
        break;
    }
    return count_marked;
}

void tell(events::Type type, const tasks::Task &task, const pg::Rows &rows) {
    pg::Vec<std::string_view> ids;
    ids.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); i++)
        ids.push_back(rows[i].text(1));
    std::sort(ids.begin(), ids.end());
    events::emit({type, task.id}, ids);
}

void lock_users(UserRows what, const pg::Param &ids, std::size_t count) {
    if (what == UserRows::erase)
        lock_to_erase.run({ids});
    else if (what == UserRows::deactivate && count == 1)
        return; // there is no order to keep
    else if (what != UserRows::count_marked && what != UserRows::leave_teams)
        lock_to_change.run({ids});
}

} // namespace

UserRowsDone run_user_rows(UserRows what, const tasks::Task &task,
                           const pg::Vec<std::string_view> &ids) {
    if (what == UserRows::copy)
        return {"stream.users", exporting::note_users(task, ids)};
    const auto by = task.text("created_by_id");
    const auto name = task.text("name");
    const pg::Param users = pg::Param::datum(pg::text_array(ids));
    lock_users(what, users, ids.size());
    if (what == UserRows::prune || what == UserRows::erase)
        erasure::record_users(task, ids);
    const pg::Rows rows = statement(what, by.has_value())
                              .run({users, task.id, task.seq, GetCurrentTimestamp(),
                                    by ? pg::Param(*by) : pg::Param(std::nullopt),
                                    name ? pg::Param(*name) : pg::Param(std::nullopt)});
    if (what == UserRows::deactivate && rows.size() < ids.size())
        leave_overtaken.run({task.seq, users, task.id});
    if (what == UserRows::deactivate)
        tell(events::Type::user_deactivated, task, rows);
    else if (what == UserRows::reactivate)
        tell(events::Type::user_reactivated, task, rows);
    return {what == UserRows::leave_teams ? "stream.channel_members" : "stream.users",
            static_cast<int64>(rows.processed())};
}

} // namespace stream::lifecycle
