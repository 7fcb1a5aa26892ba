// stream_upsert_users: creates users, and replaces those that exist.

#include "users/bulk.hpp"
#include "users/response.hpp"

namespace stream::users {

namespace {

// Stores what changed, one statement for all of it. A user that another call deleted after this one
// had looked is refused.
pg::Rows store_changes(const UserRequests &users, const Outcome &outcome, TimestampTz now,
                       bool whole) {
    pg::Vec<Profile> profiles;
    profiles.reserve(outcome.changed());
    pg::Vec<const Profile *> changed;
    changed.reserve(outcome.changed());
    for (const Compared &user : outcome.users)
        if (user.changed)
            changed.push_back(&profiles.emplace_back(users.profile(user.user)));
    pg::Rows written = store(changed, now, whole);
    if (written.processed() < changed.size()) {
        compare(users);
        throw left_out_by_trigger();
    }
    return written;
}

void tell_changes(const UserRequests &users, const Outcome &outcome) {
    pg::Vec<std::string_view> ids;
    ids.reserve(outcome.changed());
    for (const Compared &user : outcome.users)
        if (user.changed)
            ids.push_back(users.id(user.user));
    tell(ids);
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
    w.integer(static_cast<int64>(outcome.users.size() - outcome.changed()));
    if (!task_id.empty())
        w.string(task_id);
    w.end();
    return w.datum();
}

// The user as it is once it is stored at the time now.
UserRecord record_of(const UserRequests &users, const Outcome &outcome, const Compared &user,
                     TimestampTz now) {
    UserRecord record;
    static_cast<Profile &>(record) = users.profile(user.user);
    if (!user.is_new()) {
        const Stored &stored = outcome.stored[user.stored];
        if (stored.state != Compared::none)
            static_cast<UserState &>(record) = outcome.states[stored.state];
        record.created_at = stored.created_at;
        record.updated_at = stored.updated_at;
    } else {
        record.created_at = now;
    }
    if (user.changed)
        record.updated_at = now;
    return record;
}

// The users as they now are: as a statement returned them, or else as the request and what was
// stored make them.
Datum users_response(const pg::Call &call, const UserRequests &users, const Outcome &outcome,
                     const std::optional<pg::Rows> &returned, TimestampTz now,
                     std::string_view task_id) {
    const std::size_t rows = returned ? returned->size() : 0;
    pg::Vec<uint32> others; // who were not returned, where some were
    for (uint32 i = 0; returned && i < outcome.users.size(); i++)
        if (!outcome.users[i].changed)
            others.push_back(i);
    const auto user = [&](std::size_t i) -> const Compared & {
        return outcome.users[returned ? others[i - rows] : i];
    };

    // What a user has beside what its request says takes less.
    constexpr std::size_t answered_beside = 600;
    pg::JsonbWriter w(call.result_context());
    w.reserve(VARSIZE(users.request()) + outcome.users.size() * answered_beside);
    w.begin_object({"users", "duration", "membership_deletion_task_id"});
    write_users(w, {outcome.users.size(),
                    [&](std::size_t i) {
                        return i < rows ? (*returned)[i].text(1) : users.id(user(i).user);
                    },
                    [&](std::size_t i) {
                        return i < rows ? read_record((*returned)[i])
                                        : record_of(users, outcome, user(i), now);
                    }});
    w.string(call.duration());
    w.string(task_id);
    w.end();
    return w.datum();
}

Datum upsert(const pg::Call &call, const Jsonb *request, bool return_users) {
    const Roles roles;
    UserRequests users(request);
    try {
        users.read(roles);
    } catch (const Error &) {
        // An entry before the bad one may be refused for what only the table or the list tells.
        compare(users);
        throw;
    }
    const Outcome outcome = compare(users);
    const TimestampTz now = GetCurrentTimestamp();
    std::optional<pg::Rows> returned;
    if (outcome.changed() >= bulk_minimum && store_in_bulk(users, outcome, now))
        tell_changes(users, outcome);
    else if (outcome.changed() > 0)
        returned.emplace(store_changes(users, outcome, now, return_users));
    const std::string task_id = outcome.teams_left.enqueue();
    return return_users ? users_response(call, users, outcome, returned, now, task_id)
                        : counts_response(call, outcome, task_id);
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
