// stream_upsert_users: creates users, and replaces those that exist.

#include "users/bulk.hpp"
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
    pg::Vec<Change> changed;
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
            outcome.changed.push_back({&profile, nullptr});
            continue;
        }
        const UserRecord stored = read_record(*matches.row(i));
        if (is_unchanged(profile, stored)) {
            outcome.unchanged.push_back(*matches.row(i));
            continue;
        }
        outcome.updated++;
        outcome.changed.push_back({&profile, &*matches.row(i)});
        outcome.teams_left.compare(stored, profile);
    }
    return outcome;
}

// Stores what changed, one statement for all of it. A user that another call deleted after this one
// had looked is refused.
pg::Rows store_changes(const pg::Vec<UserRequest> &users, const pg::Vec<const Profile *> &profiles,
                       TimestampTz now, bool whole) {
    pg::Rows written = store(profiles, now, whole);
    if (written.processed() < profiles.size()) {
        refuse_first(match(users));
        throw left_out_by_trigger();
    }
    return written;
}

pg::Vec<const Profile *> profiles_of(const pg::Vec<Change> &changes) {
    pg::Vec<const Profile *> profiles;
    profiles.reserve(changes.size());
    for (const Change &change : changes)
        profiles.push_back(change.profile);
    return profiles;
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

void end_users_response(pg::JsonbWriter &w, const pg::Call &call, std::string_view task_id) {
    w.string(call.duration());
    w.string(task_id);
    w.end();
}

Datum users_response(const pg::Call &call, const pg::Vec<pg::Row> &rows, std::string_view task_id) {
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"users", "duration", "membership_deletion_task_id"});
    write_users(w, rows);
    end_users_response(w, call, task_id);
    return w.datum();
}

// The users as they now are, without reading them again.
Datum users_response(const pg::Call &call, const Jsonb *request, const Outcome &outcome,
                     TimestampTz now, std::string_view task_id) {
    const std::size_t changed = outcome.changed.size();
    pg::Vec<std::string_view> ids;
    ids.reserve(changed + outcome.unchanged.size());
    for (const Change &change : outcome.changed)
        ids.push_back(change.profile->id);
    for (const pg::Row &row : outcome.unchanged)
        ids.push_back(row.text(1));
    // What a user has beside what its request says takes less.
    constexpr std::size_t answered_beside = 600;
    pg::JsonbWriter w(call.result_context());
    w.reserve(VARSIZE(request) + ids.size() * answered_beside);
    w.begin_object({"users", "duration", "membership_deletion_task_id"});
    write_users(w, ids, [&](std::size_t i) {
        return i < changed ? record_of(outcome.changed[i], now)
                           : read_record(outcome.unchanged[i - changed]);
    });
    end_users_response(w, call, task_id);
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
    const pg::Vec<const Profile *> profiles = profiles_of(outcome.changed);
    const TimestampTz now = GetCurrentTimestamp();
    if (profiles.size() >= bulk_minimum && store_in_bulk(outcome.changed, now)) {
        tell(profiles);
        const std::string task_id = outcome.teams_left.enqueue();
        return return_users ? users_response(call, request, outcome, now, task_id)
                            : counts_response(call, outcome, task_id);
    }
    const pg::Rows written = store_changes(users, profiles, now, return_users);
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
