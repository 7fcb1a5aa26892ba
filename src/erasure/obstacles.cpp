// What a legal hold keeps a deletion from.

#include "bindings/current.hpp"
#include "bindings/sql.hpp"
#include "erasure/holds.hpp"
#include "lifecycle/deletion.hpp"
#include "pg/array.hpp"
#include "pg/transaction.hpp"

namespace stream::erasure {

namespace {

pg::Statement lock_holds("LOCK TABLE stream.holds IN SHARE MODE", {});

pg::Statement any_hold("SELECT FROM stream.holds LIMIT 1", {});

pg::Statement task_to_retry(R"(
    SELECT t.params ->> 'user_mode', t.params ->> 'messages_mode', t.params ->> 'conversations_mode',
           t.params ->> 'calls_mode', ARRAY(SELECT u.user_id FROM stream.task_users u WHERE u.seq = t.seq)
    FROM stream.tasks t
    WHERE t.seq = $1 AND t.kind = 'delete_users')",
                            {INT8OID});

pg::Statement held_user_of_task(R"(
    SELECT h.user_id FROM stream.task_users u JOIN stream.holds h USING (user_id) WHERE u.seq = $1 LIMIT 1)",
                                {INT8OID});

constexpr const char *own_holds = R"(
    SELECT d.n, h.user_id, false FROM unnest($1) WITH ORDINALITY AS d (id, n) JOIN stream.holds h ON h.user_id = d.id)";

// Held members, also those who have left, of what the users are one of two members of.
std::string shared_containers(const bindings::Binding &membership) {
    const bindings::Container &container = *membership.container;
    bindings::Walk walk;
    walk.relation = container.relation;
    walk.column = container.relation->key.front();
    walk.membership = &membership;
    walk.conversations_only = true;
    const std::string &key = walk.column.name;
    return " UNION ALL SELECT d.n, h.user_id, true FROM unnest($1) WITH ORDINALITY AS d (id, n)"
           " CROSS JOIN LATERAL (SELECT t." +
           key + bindings::rows_sql(walk, "") + ") AS t JOIN " + membership.relation->name +
           " o ON o." + container.member_column + " = t." + key +
           " JOIN stream.holds h ON h.user_id = o." + membership.user.name +
           "::text WHERE h.user_id <> d.id";
}

// Runs body under a snapshot taken now, whatever the transaction's isolation level: the lock was
// waited for to see what others committed meanwhile.
template <class F> auto as_of_now(F &&body) {
    const pg::LatestSnapshot now;
    return body();
}

Error held(const std::string &user) {
    return not_allowed("user " + quoted(user) + " is under legal hold").of(user);
}

Error shared(std::string_view user, const std::string &other) {
    return not_allowed("user " + quoted(user) + " shares a conversation or call with " +
                       quoted(other) + ", who is under legal hold")
        .of(other);
}

constexpr const char *hint = "Use soft modes, or end the hold with stream_release_user first.";

} // namespace

bool erases(const bindings::Catalogue &catalogue, const lifecycle::Modes &modes) {
    return modes.erase() ||
           std::any_of(catalogue.bindings.begin(), catalogue.bindings.end(),
                       [&](const bindings::Binding &binding) {
                           return modes.of(binding.governed_by) == lifecycle::Mode::soft &&
                                  (binding.soft == bindings::Fate::erase ||
                                   binding.soft == bindings::Fate::empty);
                       });
}

void keep_holds_still() {
    lock_holds.run({});
}

std::vector<Obstacle> obstacles(const pg::Vec<std::string_view> &ids,
                                const lifecycle::Modes &modes) {
    std::vector<Obstacle> found;
    if (as_of_now([] { return any_hold.read({}).empty(); }))
        return found;
    const auto catalogue = bindings::current_catalogue();
    if (!erases(*catalogue, modes))
        return found;
    std::string sql = own_holds;
    for (const bindings::Binding &binding : catalogue->bindings)
        if (binding.container && modes.of(binding.container->governed_by) == lifecycle::Mode::hard)
            sql += shared_containers(binding);
    sql = "SELECT DISTINCT * FROM (" + sql +
          ") AS o (n, user_id, shared) ORDER BY n, shared, user_id";
    const pg::Rows rows = as_of_now([&] {
        return pg::prepared(sql, {TEXTARRAYOID}).read({pg::Param::datum(pg::text_array(ids))});
    });
    found.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); i++)
        found.push_back(
            {static_cast<std::size_t>(rows[i].int8(1)) - 1, std::string(rows[i].text(2))});
    return found;
}

void refuse_held(const std::vector<lifecycle::Subject> &subjects, const lifecycle::Modes &modes) {
    const auto found = obstacles(lifecycle::ids_of(subjects), modes);
    if (found.empty())
        return;
    const lifecycle::Subject &subject = subjects[found[0].position];
    const std::string &other = found[0].held;
    throw(other == subject.id ? held(other) : shared(subject.id, other))
        .at(subject.path)
        .hint(hint);
}

void refuse_retry(int64 seq) {
    const pg::Rows rows = task_to_retry.run({seq});
    if (rows.empty())
        return;
    const pg::Row row = rows[0];
    const lifecycle::Modes modes = lifecycle::parse_modes(row.text_or_null(1), row.text_or_null(2),
                                                          row.text_or_null(3), row.text_or_null(4));
    pg::Vec<std::string_view> ids;
    for (const auto &id : pg::TextArray(row.array(5)))
        ids.push_back(*id);
    keep_holds_still();
    const auto found = obstacles(ids, modes);
    if (found.empty())
        return;
    const std::string_view subject = ids[found[0].position];
    const std::string &other = found[0].held;
    throw(other == subject ? held(other) : shared(subject, other))
        .at("id")
        .hint("End the hold with stream_release_user first.");
}

void refuse_held(const bindings::Catalogue &catalogue, const tasks::Task &task) {
    if (!erases(catalogue, lifecycle::modes_of(task)))
        return;
    const pg::Rows rows = held_user_of_task.run({task.seq});
    if (!rows.empty())
        throw held(std::string(rows[0].text(1)));
}

} // namespace stream::erasure
