// stream_query_banned_users: bans by filter, sorted, in pages.

#include "moderation/ban_query.hpp"
#include "moderation/people.hpp"
#include "users/channel.hpp"
#include "users/filter_run.hpp"

using namespace stream;
using namespace stream::moderation;

namespace {

constexpr const char *columns = R"(
    b.target_user_id, b.banned_by_id, b.reason, b.shadow, b.expires, b.created_at, nullif(b.channel_cid, ''),
    c.id, c.team, c.type, c.custom, c.created_at, c.deleted_at, c.updated_at)";

void write_ban(pg::JsonbWriter &w, const pg::Row &ban, const People &people) {
    const auto banned_by = ban.text_or_null(2);
    const auto reason = ban.text_or_null(3);
    const auto expires = ban.timestamp(5);
    const bool channel = !ban.is_null(7);
    w.begin_object_of({{"user"},
                       {"reason", reason.has_value()},
                       {"shadow"},
                       {"channel", channel},
                       {"expires", expires.has_value()},
                       {"banned_by", banned_by.has_value()},
                       {"created_at"}});
    people.write(w, ban.text(1));
    w.string_if(reason);
    w.boolean(ban.boolean(4));
    if (channel)
        users::write_channel(w, ban, 7);
    w.timestamp_if(expires);
    if (banned_by)
        people.write(w, *banned_by);
    w.timestamp(ban.timestamp(6).value_or(0));
    w.end();
}

People people_of(const pg::Rows &bans) {
    pg::Vec<std::string_view> ids;
    for (std::size_t i = 0; i < bans.size(); i++) {
        ids.push_back(bans[i].text(1));
        if (const auto banned_by = bans[i].text_or_null(2))
            ids.push_back(*banned_by);
    }
    return People(ids);
}

} // namespace

// stream_query_banned_users(query)
STREAM_FUNCTION(stream_query_banned_users, "QueryBannedUsers") {
    const pg::Rows bans = users::run(compile_ban_query(users::query_argument(call, 0), columns));
    const People people = people_of(bans);
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"bans", "duration"});
    w.begin_array(bans.size());
    for (std::size_t i = 0; i < bans.size(); i++)
        write_ban(w, bans[i], people);
    w.end();
    w.string(call.duration());
    w.end();
    return w.datum();
}
