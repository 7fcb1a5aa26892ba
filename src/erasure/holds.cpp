// Placing, ending and listing legal holds.

#include "erasure/holds.hpp"

#include "bindings/current.hpp"
#include "bindings/sql.hpp"
#include "pg/jsonb_writer.hpp"
#include "pg/transaction.hpp"

using namespace stream;

namespace {

pg::Statement lock_holds("LOCK TABLE stream.holds IN SHARE ROW EXCLUSIVE MODE", {});

pg::Statement place(R"(
    INSERT INTO stream.holds (user_id, reason, created_at, created_by) VALUES ($1, $2, now(), session_user)
    ON CONFLICT (user_id) DO UPDATE SET reason = EXCLUDED.reason
    RETURNING user_id, reason, created_at, created_by::text)",
                    {TEXTOID, TEXTOID});

pg::Statement release("DELETE FROM stream.holds WHERE user_id = $1 RETURNING user_id", {TEXTOID});

pg::Statement user_exists("SELECT FROM stream.users WHERE id = $1", {TEXTOID});

pg::Statement list(R"(
    SELECT user_id, reason, created_at, created_by::text FROM stream.holds ORDER BY created_at, user_id)",
                   {});

pg::Statement own_deletions(R"(
    SELECT k.id::text, k.params ->> 'user_mode', k.params ->> 'messages_mode', k.params ->> 'conversations_mode',
           k.params ->> 'calls_mode'
    FROM stream.task_users u JOIN stream.tasks k USING (seq)
    WHERE u.user_id = $1 AND k.kind = 'delete_users' AND k.status IN ('pending', 'running')
    ORDER BY k.seq)",
                            {TEXTOID});

// One that erases a container of which user $1 is, or was, a member: it has claimed it already, or
// is about to, because another member is among its users and the container has two.
std::string shared_deletion_sql(const bindings::Binding &membership) {
    const bindings::Container &container = *membership.container;
    const std::string &members = membership.relation->name;
    const std::string &column = container.member_column;
    bindings::Walk walk;
    walk.relation = membership.relation;
    walk.column = membership.user;
    const std::string live =
        container.ended_column.empty() ? "" : " AND m." + container.ended_column + " IS NULL";
    const bool calls = container.governed_by == bindings::Governor::calls;
    return "SELECT k.id::text FROM (SELECT $1::text AS id) AS d CROSS JOIN LATERAL (SELECT t." +
           column + " AS key" + bindings::rows_sql(walk, "") + ") AS o JOIN " +
           container.relation->name + " t ON t." + container.relation->key.front().name +
           " = o.key, stream.tasks k WHERE k.kind = 'delete_users' AND k.status IN ('pending', "
           "'running') AND k.params ->> '" +
           (calls ? "calls_mode" : "conversations_mode") + "' = 'hard' AND (t." +
           container.relation->mark->task + " = k.id OR ((SELECT count(*) FROM (SELECT FROM " +
           members + " m WHERE m." + column + " = o.key" + live +
           " LIMIT 3) AS two) = 2 AND EXISTS (SELECT FROM " + members +
           " m JOIN stream.task_users u ON u.user_id = m." + membership.user.name +
           "::text WHERE u.seq = k.seq AND m." + column + " = o.key" + live +
           "))) ORDER BY k.seq LIMIT 1";
}

[[noreturn]] void refuse(std::string_view task, std::string_view id, const char *what) {
    throw not_allowed(std::string(what) + " of user " + quoted(id) + " is being erased by task " +
                      quoted(task))
        .at("id")
        .of(id)
        .hint("Cancel the task with stream_cancel_task, or wait for its end.");
}

// A hold that comes too late would protect nothing.
void refuse_too_late(std::string_view id) {
    const auto catalogue = bindings::current_catalogue();
    const pg::LatestSnapshot now;
    const pg::Rows own = own_deletions.read({id});
    for (std::size_t i = 0; i < own.size(); i++)
        if (erasure::erases(*catalogue,
                            lifecycle::parse_modes(own[i].text_or_null(2), own[i].text_or_null(3),
                                                   own[i].text_or_null(4), own[i].text_or_null(5))))
            refuse(own[i].text(1), id, "data");
    for (const bindings::Binding &binding : catalogue->bindings) {
        if (!binding.container)
            continue;
        const pg::Rows shared = pg::prepared(shared_deletion_sql(binding), {TEXTOID}).read({id});
        if (!shared.empty())
            refuse(shared[0].text(1), id, "a conversation or call");
    }
}

void write_hold(pg::JsonbWriter &w, const pg::Row &hold) {
    w.begin_object({"reason", "user_id", "created_at", "created_by"});
    w.string(hold.text(2));
    w.string(hold.text(1));
    w.timestamp(*hold.timestamp(3));
    w.string(hold.text(4));
    w.end();
}

} // namespace

STREAM_FUNCTION(stream_hold_user, "HoldUser") {
    const std::string_view id = call.required_text(0, "id");
    const auto reason = call.text(1);
    if (!reason || reason->empty())
        throw bad_input("reason must not be empty")
            .at("reason")
            .of(id)
            .hint("Say why the user is held.");
    lock_holds.run({});
    lifecycle::lock_subjects({id}, true);
    refuse_too_late(id);
    const pg::Rows hold = place.run({id, *reason});
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"hold", "duration"});
    write_hold(w, hold[0]);
    w.string(call.duration());
    w.end();
    return w.datum();
}

STREAM_FUNCTION(stream_release_user, "ReleaseUser") {
    const std::string_view id = call.required_text(0, "id");
    if (release.run({id}).empty()) {
        if (user_exists.run({id}).empty())
            throw not_found("user " + quoted(id) + " does not exist").at("id").of(id);
        throw bad_input("user " + quoted(id) + " is not under legal hold").at("id").of(id);
    }
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"user_id", "duration"});
    w.string(id);
    w.string(call.duration());
    w.end();
    return w.datum();
}

STREAM_FUNCTION(stream_list_holds, "ListHolds") {
    const pg::Rows holds = list.run({});
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"holds", "duration"});
    w.begin_array(holds.size());
    for (std::size_t i = 0; i < holds.size(); i++)
        write_hold(w, holds[i]);
    w.end();
    w.string(call.duration());
    w.end();
    return w.datum();
}
