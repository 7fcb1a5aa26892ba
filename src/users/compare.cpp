#include "users/compare.hpp"

#include "users/lookup.hpp"
#include "users/matches.hpp"

namespace stream::users {

namespace {

// The first entry that is refused.
class Refusal {
public:
    explicit Refusal(const UserRequests &users) : users_(users), position_(users.size()) {}
    void twice(std::size_t position) {
        if (position < position_)
            set(position, named_twice(named(position)));
    }
    void deleted(std::size_t position, std::string_view mode) {
        if (position < position_)
            set(position, named_deleted(named(position), mode));
    }
    void raise() const {
        if (error_)
            throw Error(*error_);
    }

private:
    Named named(std::size_t position) const {
        return {users_.id(position), users_.place(position)};
    }
    void set(std::size_t position, Error error) {
        position_ = position;
        error_.emplace(std::move(error));
    }

    const UserRequests &users_;
    std::size_t position_;
    std::optional<Error> error_;
};

void sort(pg::Vec<uint32> &order, const UserRequests &users) {
    pg::Vec<std::string_view> ids;
    ids.reserve(users.size());
    for (std::size_t i = 0; i < users.size(); i++)
        ids.push_back(users.id(i));
    std::sort(order.begin(), order.end(), [&ids](uint32 a, uint32 b) {
        const int found = ids[a].compare(ids[b]);
        return found != 0 ? found < 0 : a < b;
    });
}

// The positions of the request, sorted by id and each id once.
pg::Vec<uint32> sorted(const UserRequests &users, Refusal &refusal) {
    pg::Vec<uint32> order;
    order.reserve(users.size());
    bool is_sorted = true;
    for (uint32 i = 0; i < users.size(); i++) {
        order.push_back(i);
        is_sorted = is_sorted && (i == 0 || users.id(i - 1) < users.id(i));
    }
    if (is_sorted)
        return order;
    sort(order, users);
    const auto end = std::unique(order.begin(), order.end(), [&](uint32 a, uint32 b) {
        const bool same = users.id(a) == users.id(b);
        if (same)
            refusal.twice(b);
        return same;
    });
    order.erase(end, order.end());
    return order;
}

bool has_times_only(const UserState &state) {
    return !state.push_notifications && !state.last_active && !state.avg_response_time &&
           !state.revoke_tokens_issued_before && !state.deactivated_at && !state.deleted_at;
}

void keep(Outcome &outcome, const Seen &seen) {
    const UserState &state = seen.user;
    Stored stored{state.created_at, state.updated_at, seen.place, Compared::none};
    if (!has_times_only(state)) {
        stored.state = static_cast<uint32>(outcome.states.size());
        auto &settings = outcome.states.emplace_back(state).push_notifications;
        // What is seen goes with the batch it came with.
        if (settings) {
            const auto bytes =
                pg::copied(settings->bytes(), outcome.states.get_allocator().context());
            settings.emplace(settings->entry(), bytes.data(), 0, static_cast<uint32>(bytes.size()));
        }
    }
    outcome.stored.push_back(stored);
}

void add(Outcome &outcome, const Profile &profile, uint32 user, const Seen &seen) {
    const bool changed = !is_unchanged(profile, seen.user);
    const auto stored = static_cast<uint32>(outcome.stored.size());
    outcome.users.push_back({user, changed, stored});
    keep(outcome, seen);
    if (!changed)
        return;
    outcome.updated++;
    outcome.teams_left.compare(seen.user, profile);
}

} // namespace

Outcome compare(const UserRequests &users) {
    Outcome outcome;
    Refusal refusal(users);
    const pg::Vec<uint32> order = sorted(users, refusal);
    outcome.users.reserve(order.size());
    outcome.stored.reserve(order.size());
    const auto add_new = [&](std::size_t end) {
        for (std::size_t i = outcome.users.size(); i < end; i++) {
            outcome.users.push_back({order[i], true, Compared::none});
            outcome.created++;
        }
    };
    const auto id = [&](std::size_t i) { return users.id(order[i]); };
    look_up(order.size(), id, [&](std::size_t i, const Seen &seen) {
        add_new(i);
        if (seen.deleted_mode)
            refusal.deleted(order[i], *seen.deleted_mode);
        add(outcome, users.profile(order[i]), order[i], seen);
    });
    add_new(order.size());
    refusal.raise();
    return outcome;
}

} // namespace stream::users
