// stream_upsert_users: creates users, and replaces those that exist.

#include "users/matches.hpp"
#include "users/request.hpp"
#include "users/response.hpp"
#include "users/teams.hpp"

namespace stream::users {

namespace {

// Looks the users up without locking them: what a call does not change it must not write, and a
// lock is written.
Matches match(const pg::Vec<UserRequest> &users) {
    pg::Vec<Named> named;
    named.reserve(users.size());
    for (const UserRequest &user : users)
        named.push_back({user.profile.id, user.place});
    return {std::move(named), Matches::Lock::none};
}

void refuse_first(const Matches &matches) {
    if (const auto refusal = matches.first_refusal(false))
        throw Error(refusal->error);
}

// What a call comes to.
struct Outcome {
    std::size_t created = 0;
    std::size_t updated = 0;
    pg::Vec<const Profile *> changed;
    pg::Vec<pg::Row> unchanged;
    TeamsLeft teams_left;
};

Outcome compare(const pg::Vec<UserRequest> &users, const Matches &matches) {
    Outcome outcome;
    outcome.changed.reserve(users.size());
    for (const std::size_t i : matches.order()) {
        pg::check_interrupts();
        const Profile &profile = users[i].profile;
        if (!matches.row(i)) {
            outcome.created++;
            outcome.changed.push_back(&profile);
            continue;
        }
        const UserRecord stored = read_record(*matches.row(i));
        if (is_unchanged(profile, stored)) {
            outcome.unchanged.push_back(*matches.row(i));
            continue;
        }
        outcome.updated++;
        outcome.changed.push_back(&profile);
        outcome.teams_left.compare(stored, profile);
    }
    return outcome;
}

// Stores what changed. A user that another call deleted after this one had looked is refused.
pg::Rows store_changes(const pg::Vec<UserRequest> &users, const Outcome &outcome, bool whole) {
    pg::Rows written = store(outcome.changed, GetCurrentTimestamp(), whole);
    if (written.processed() < outcome.changed.size()) {
        refuse_first(match(users));
        throw left_out_by_trigger();
    }
    return written;
}

Datum counts_response(const pg::Call &call, const Outcome &outcome, std::string_view task_id) {
    pg::JsonbWriter w(call.result_context());
    if (task_id.empty())
        w.begin_object({"created", "updated", "duration", "unchanged"});
    else
        w.begin_object(
            {"created", "updated", "duration", "unchanged", "membership_deletion_task_id"});
    w.integer(static_cast<int64>(outcome.created));
    w.integer(static_cast<int64>(outcome.updated));
    w.string(call.duration());
    w.integer(static_cast<int64>(outcome.unchanged.size()));
    if (!task_id.empty())
        w.string(task_id);
    w.end();
    return w.datum();
}

Datum users_response(const pg::Call &call, const pg::Vec<pg::Row> &rows, std::string_view task_id) {
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"users", "duration", "membership_deletion_task_id"});
    write_users(w, rows);
    w.string(call.duration());
    w.string(task_id);
    w.end();
    return w.datum();
}

Datum upsert(const pg::Call &call, const Jsonb *request, bool return_users) {
    const Roles roles;
    pg::Vec<UserRequest> users;
    try {
        read_users(request, roles, users);
    } catch (const Error &) {
        // An entry before the bad one may be refused for what only the table or the list tells.
        refuse_first(match(users));
        throw;
    }
    const Matches matches = match(users);
    refuse_first(matches);

    Outcome outcome = compare(users, matches);
    if (outcome.changed.empty())
        return return_users ? users_response(call, outcome.unchanged, {})
                            : counts_response(call, outcome, {});
    const pg::Rows written = store_changes(users, outcome, return_users);
    const std::string task_id = outcome.teams_left.enqueue();
    if (!return_users)
        return counts_response(call, outcome, task_id);
    collect(written, outcome.unchanged);
    return users_response(call, outcome.unchanged, task_id);
}

} // namespace

} // namespace stream::users

using namespace stream;

STREAM_FUNCTION(stream_upsert_users, "UpdateUsers") {
    const Jsonb *request = call.jsonb(0);
    if (request == nullptr)
        throw bad_input("users must not be null").at("users");
    return users::upsert(call, request, call.boolean(1, true));
}
