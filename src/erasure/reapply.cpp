// Erasures carried out again, after an older backup brought the erased users back.

#include "erasure/holds.hpp"
#include "lifecycle/deletion.hpp"
#include "pg/array.hpp"

#include <unordered_map>

using namespace stream;

namespace {

// Two calls at once would both do what is due.
pg::Statement lock_applied("LOCK TABLE stream.erasures_applied IN SHARE ROW EXCLUSIVE MODE", {});

// What the ledger asks for and this database has not carried out, for the users that are there: a
// user created later is another one, and one that is being hard-deleted is taken care of.
const std::string due = R"(
    WITH open AS (
        SELECT e.* FROM stream.erasures e
        WHERE NOT EXISTS (SELECT FROM stream.erasures_applied a WHERE a.task_id = e.task_id AND a.hash = e.hash)),
    due AS (
        SELECT u.id, u.deleted_mode, e.*
        FROM (SELECT DISTINCT salt FROM open) AS s
        CROSS JOIN stream.users u
        JOIN open e ON e.salt = s.salt AND e.hash = sha256(s.salt || convert_to(u.id, 'UTF8'))
        WHERE u.created_at <= e.requested_at AND u.deleted_mode IS DISTINCT FROM 'hard'))";

// Each user once, with the strongest of the recorded modes that erase; users with the same modes
// lie together. A user that is pruned already stays so.
const std::string find_due = due + R"(
    SELECT id,
           CASE WHEN bool_or(user_mode = 'hard') THEN 'hard'
                WHEN bool_or(user_mode = 'pruning' AND deleted_mode IS DISTINCT FROM 'pruning') THEN 'pruning' END,
           CASE WHEN bool_or(messages_mode = 'hard') THEN 'hard'
                WHEN bool_or(messages_mode = 'pruning') THEN 'pruning' END,
           CASE WHEN bool_or(conversations_mode = 'hard') THEN 'hard' END,
           CASE WHEN bool_or(calls_mode = 'hard') THEN 'hard' END
    FROM due
    GROUP BY id
    ORDER BY 2, 3, 4, 5, 1)";

// From now on it is the new tasks that have to carry them out.
const std::string hand_over = due + R"(
    INSERT INTO stream.erasures_applied (task_id, hash) SELECT task_id, hash FROM due WHERE id = ANY ($1))";

// Users to be deleted in the same modes.
struct Cohort {
    lifecycle::Modes modes;
    pg::Vec<std::string_view> ids;
};

bool same(const lifecycle::Modes &a, const lifecycle::Modes &b) {
    return a.user == b.user && a.messages == b.messages && a.conversations == b.conversations &&
           a.calls == b.calls;
}

// Modes of which none is left: the user is as the ledger wants it.
lifecycle::Modes modes_in(const pg::Row &row) {
    if (row.is_null(2) && row.is_null(3) && row.is_null(4) && row.is_null(5))
        return {};
    return lifecycle::parse_modes(row.text_or_null(2), row.text_or_null(3), row.text_or_null(4),
                                  row.text_or_null(5));
}

std::vector<Cohort> cohorts_of(const pg::Rows &rows) {
    std::vector<Cohort> cohorts;
    for (std::size_t i = 0; i < rows.size(); i++) {
        const lifecycle::Modes modes = modes_in(rows[i]);
        if (cohorts.empty() || !same(cohorts.back().modes, modes))
            cohorts.push_back({modes, {}});
        cohorts.back().ids.push_back(rows[i].text(1));
    }
    return cohorts;
}

// Takes out of the cohort, and returns, whom a hold protects.
std::vector<std::string_view> spare_protected(Cohort &cohort) {
    std::vector<bool> spared(cohort.ids.size(), false);
    for (const auto &obstacle : erasure::obstacles(cohort.ids, cohort.modes))
        spared[obstacle.position] = true;
    std::vector<std::string_view> protected_ids;
    pg::Vec<std::string_view> others;
    for (std::size_t i = 0; i < cohort.ids.size(); i++)
        spared[i] ? protected_ids.push_back(cohort.ids[i]) : others.push_back(cohort.ids[i]);
    cohort.ids = std::move(others);
    return protected_ids;
}

// Deletes the cohort's users; returns the task, or nothing when there is nothing left to do.
std::optional<std::string> delete_again(const Cohort &cohort) {
    const auto subjects = lifecycle::lock_subjects({cohort.ids.begin(), cohort.ids.end()}, false);
    lifecycle::refuse_weaker(subjects, cohort.modes.user);
    pg::run_once(hand_over, {TEXTARRAYOID}, {pg::Param::datum(pg::text_array(cohort.ids))});
    if (!cohort.modes.erase())
        return std::nullopt;
    return lifecycle::start_deletion(subjects, {cohort.modes, {}, {}, false});
}

template <class Strings> void write_strings(pg::JsonbWriter &w, const Strings &strings) {
    w.begin_array(strings.size());
    for (const auto &s : strings)
        w.string(s);
    w.end();
}

} // namespace

// stream_reapply_erasures(dry_run)
STREAM_FUNCTION(stream_reapply_erasures, "ReapplyErasures") {
    const bool dry_run = call.boolean(0);
    erasure::keep_holds_still();
    if (!dry_run)
        lock_applied.run({});
    const pg::Rows rows = pg::run_once(find_due, {}, {});
    std::vector<std::string_view> held;
    std::vector<std::string> tasks;
    int64 users = 0;
    for (Cohort &cohort : cohorts_of(rows)) {
        pg::check_interrupts();
        const auto spared = spare_protected(cohort);
        held.insert(held.end(), spared.begin(), spared.end());
        if (cohort.ids.empty())
            continue;
        if (cohort.modes.erase())
            users += static_cast<int64>(cohort.ids.size());
        if (dry_run)
            continue;
        if (auto task = delete_again(cohort))
            tasks.push_back(std::move(*task));
    }
    std::sort(held.begin(), held.end());
    pg::JsonbWriter w(call.result_context());
    w.begin_object(dry_run ? 3 : 4);
    for (const char *key : {"held", "users", "duration"})
        w.key(key);
    if (!dry_run)
        w.key("task_ids");
    write_strings(w, held);
    w.integer(users);
    w.string(call.duration());
    if (!dry_run)
        write_strings(w, tasks);
    w.end();
    return w.datum();
}
