#include "users/teams.hpp"

#include "pg/array.hpp"
#include "tasks/queue.hpp"

namespace stream::users {

namespace {

// Positions in the two arrays, counted from 1, where there is a membership to end.
pg::Rows find_memberships(const pg::Vec<std::string_view> &user_ids,
                          const pg::Vec<std::string_view> &teams) {
    static pg::Statement statement(R"(
        SELECT p.position::integer
          FROM unnest($1, $2) WITH ORDINALITY AS p (user_id, team, position)
         WHERE EXISTS (SELECT FROM stream.channel_members AS m
                         JOIN stream.channels AS c ON c.cid = m.cid
                        WHERE m.user_id = p.user_id AND c.team = p.team AND m.deleted_at IS NULL)
         ORDER BY p.position)",
                                   {TEXTARRAYOID, TEXTARRAYOID});
    return statement.run(
        {pg::Param::datum(pg::text_array(user_ids)), pg::Param::datum(pg::text_array(teams))});
}

std::size_t position(const pg::Row &membership) {
    return static_cast<std::size_t>(membership.int4(1) - 1);
}

pg::JsonValue names(const pg::Vec<std::string_view> &teams) {
    pg::JsonbWriter w;
    w.begin_array(teams.size());
    for (const std::string_view team : teams)
        w.string(team);
    w.end();
    return w.json();
}

} // namespace

void TeamsLeft::compare(const Profile &stored, const Profile &profile) {
    for (const std::string_view team : stored.teams)
        if (std::find(profile.teams.begin(), profile.teams.end(), team) == profile.teams.end()) {
            user_ids_.push_back(profile.id);
            teams_.push_back(pg::copied(team, teams_.get_allocator().context()));
        }
}

std::string TeamsLeft::enqueue() const {
    if (user_ids_.empty())
        return {};
    const pg::Rows memberships = find_memberships(user_ids_, teams_);
    pg::Vec<std::string_view> users;
    pg::Vec<std::optional<pg::JsonValue>> details;
    pg::Vec<std::string_view> left; // by the user at hand
    for (std::size_t i = 0; i < memberships.size(); i++) {
        const std::size_t at = position(memberships[i]);
        left.push_back(teams_[at]);
        if (i + 1 < memberships.size() && user_ids_[position(memberships[i + 1])] == user_ids_[at])
            continue;
        users.push_back(user_ids_[at]);
        details.emplace_back(names(left));
        left.clear();
    }
    return users.empty() ? std::string() : tasks::enqueue("leave_teams", nullptr, users, &details);
}

} // namespace stream::users
