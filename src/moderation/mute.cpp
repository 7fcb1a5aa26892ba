// Mute and unmute users and channels.

#include "moderation/parties.hpp"
#include "moderation/people.hpp"
#include "pg/array.hpp"
#include "pg/response.hpp"
#include "users/channel.hpp"

#include <unordered_map>

using namespace stream;
using namespace stream::moderation;

namespace {

// A mute that is still in force gets the new end and keeps its beginning; one that has run out
// begins anew. Two calls at once write in the same order, and so wait for each other and nothing
// else.
pg::Statement mute_users(R"(
    INSERT INTO stream.user_mutes AS m (user_id, target_id, expires, created_at, updated_at)
    SELECT $1, t.id, $3, $4, $4 FROM unnest($2) AS t (id) ORDER BY t.id COLLATE "C"
    ON CONFLICT (user_id, target_id) DO UPDATE
    SET expires = EXCLUDED.expires, updated_at = EXCLUDED.updated_at,
        created_at = CASE WHEN m.expires <= EXCLUDED.created_at THEN EXCLUDED.created_at ELSE m.created_at END
    RETURNING target_id, expires, created_at, updated_at)",
                         {TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID});

pg::Statement
    unmute_users("DELETE FROM stream.user_mutes WHERE user_id = $1 AND target_id = ANY ($2)",
                 {TEXTOID, TEXTARRAYOID});

pg::Statement mute_channels(R"(
    WITH muted AS (
        INSERT INTO stream.channel_mutes AS m (user_id, channel_cid, expires, created_at, updated_at)
        SELECT $1, t.cid, $3, $4, $4 FROM unnest($2) AS t (cid) ORDER BY t.cid COLLATE "C"
        ON CONFLICT (user_id, channel_cid) DO UPDATE
        SET expires = EXCLUDED.expires, updated_at = EXCLUDED.updated_at,
            created_at = CASE WHEN m.expires <= EXCLUDED.created_at THEN EXCLUDED.created_at ELSE m.created_at END
        RETURNING channel_cid, expires, created_at, updated_at)
    SELECT m.channel_cid, m.expires, m.created_at, m.updated_at, m.channel_cid,
           c.id, c.team, c.type, c.custom, c.created_at, c.deleted_at, c.updated_at
    FROM muted AS m LEFT JOIN stream.channels AS c ON c.cid = m.channel_cid)",
                            {TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID});

pg::Statement unmute_channels(
    "DELETE FROM stream.channel_mutes WHERE user_id = $1 AND channel_cid = ANY ($2)",
    {TEXTOID, TEXTARRAYOID});

// Who mutes, and after that one whom it names.
std::vector<Party> muter_and_targets(std::string_view muter,
                                     const std::vector<std::string_view> &targets) {
    std::vector<Party> parties{{muter, "user_id"}};
    for (std::size_t i = 0; i < targets.size(); i++) {
        parties.emplace_back(targets[i], element_path("target_ids", i));
        if (targets[i] == muter)
            throw bad_input("user " + quoted(muter) + " can't mute itself")
                .at(parties.back().path)
                .of(muter);
    }
    return parties;
}

// Takes the users out who are not there, and returns them: for whoever mutes, deleted ones too.
std::vector<std::string_view> set_missing_aside(std::vector<Party> &parties, bool deleted_too) {
    std::vector<std::string_view> missing;
    const auto is_missing = [&](const Party &party) {
        return !party.known || (deleted_too && party.deleted);
    };
    for (const Party &party : parties)
        if (is_missing(party))
            missing.push_back(party.id);
    parties.erase(std::remove_if(parties.begin(), parties.end(), is_missing), parties.end());
    return missing;
}

pg::Vec<std::string_view> ids_after_first(const std::vector<Party> &parties) {
    pg::Vec<std::string_view> ids;
    for (std::size_t i = 1; i < parties.size(); i++)
        ids.push_back(parties[i].id);
    return ids;
}

void write_strings(pg::JsonbWriter &w, const std::vector<std::string_view> &strings) {
    w.begin_array(strings.size());
    for (const std::string_view s : strings)
        w.string(s);
    w.end();
}

// The keys of a mute of what is called so, and of its times, of which the first may not be there.
void begin_mute(pg::JsonbWriter &w, const char *what, bool expires) {
    w.begin_object_of({{"user"}, {what}, {"expires", expires}, {"created_at"}, {"updated_at"}});
}

// The times of a mute: expires, created_at and updated_at, in columns 2 to 4.
void end_mute(pg::JsonbWriter &w, const pg::Row &row) {
    for (int column = 2; column <= 4; column++)
        w.timestamp_if(row.timestamp(column));
    w.end();
}

// The rows in the order in which the call named what they begin with.
pg::Vec<pg::Row> in_order_of(const pg::Vec<std::string_view> &names, const pg::Rows &rows) {
    std::unordered_map<std::string_view, std::size_t> position;
    for (std::size_t i = 0; i < rows.size(); i++)
        position.emplace(rows[i].text(1), i);
    pg::Vec<pg::Row> ordered;
    ordered.reserve(rows.size());
    for (const std::string_view name : names)
        ordered.push_back(rows[position.at(name)]);
    return ordered;
}

void write_user_mutes(pg::JsonbWriter &w, std::string_view muter,
                      const pg::Vec<std::string_view> &targets, const pg::Rows &mutes) {
    pg::Vec<std::string_view> ids = targets;
    ids.push_back(muter);
    const People people(ids);
    w.begin_array(mutes.size());
    for (const pg::Row &mute : in_order_of(targets, mutes)) {
        pg::check_interrupts();
        begin_mute(w, "target", !mute.is_null(2));
        people.write(w, muter);
        people.write(w, mute.text(1));
        end_mute(w, mute);
    }
    w.end();
}

void write_channel_mutes(pg::JsonbWriter &w, std::string_view muter,
                         const pg::Vec<std::string_view> &cids, const pg::Rows &mutes) {
    const People people({muter});
    w.begin_array(mutes.size());
    for (const pg::Row &mute : in_order_of(cids, mutes)) {
        pg::check_interrupts();
        begin_mute(w, "channel", !mute.is_null(2));
        people.write(w, muter);
        users::write_channel(w, mute, 5);
        end_mute(w, mute);
    }
    w.end();
}

} // namespace

// stream_mute_users(user_id, target_ids, timeout_minutes)
STREAM_FUNCTION(stream_mute_users, "MuteUser") {
    const std::string_view muter = call.required_text(0, "user_id");
    const auto targets = distinct_texts(call, 1, "target_ids");
    const TimestampTz now = GetCurrentTimestamp();
    const auto expires = expiry(call, 2, now);
    std::vector<Party> parties = muter_and_targets(muter, targets);
    look_up(parties, Hold::shared);
    require_actor(parties[0]);
    const auto missing = set_missing_aside(parties, true);
    const auto present = ids_after_first(parties);
    const pg::Rows mutes = mute_users.run(
        {muter, pg::Param::datum(pg::text_array(present)), time_or_null(expires), int64{now}});
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"mutes", "duration", "non_existing_users"});
    write_user_mutes(w, muter, present, mutes);
    w.string(call.duration());
    write_strings(w, missing);
    w.end();
    return w.datum();
}

// stream_unmute_users(user_id, target_ids)
STREAM_FUNCTION(stream_unmute_users, "UnmuteUser") {
    const std::string_view muter = call.required_text(0, "user_id");
    const auto targets = distinct_texts(call, 1, "target_ids");
    std::vector<Party> parties{{muter, "user_id"}};
    for (std::size_t i = 0; i < targets.size(); i++)
        parties.emplace_back(targets[i], element_path("target_ids", i));
    look_up(parties, Hold::none);
    require_actor(parties[0]);
    const auto missing = set_missing_aside(parties, false);
    unmute_users.run({muter, pg::Param::datum(pg::text_array(ids_after_first(parties)))});
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"duration", "non_existing_users"});
    w.string(call.duration());
    write_strings(w, missing);
    w.end();
    return w.datum();
}

// stream_mute_channels(user_id, channel_cids, timeout_minutes)
STREAM_FUNCTION(stream_mute_channels, "MuteChannel") {
    const std::string_view muter = call.required_text(0, "user_id");
    const auto cids = distinct_texts(call, 1, "channel_cids");
    const TimestampTz now = GetCurrentTimestamp();
    const auto expires = expiry(call, 2, now);
    std::vector<Party> parties{{muter, "user_id"}};
    look_up(parties, Hold::shared);
    require_actor(parties[0]);
    require_channels(cids, "channel_cids", false);
    const pg::Rows mutes = mute_channels.run(
        {muter, pg::Param::datum(pg::text_array(cids)), time_or_null(expires), int64{now}});
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"duration", "channel_mutes"});
    w.string(call.duration());
    write_channel_mutes(w, muter, {cids.begin(), cids.end()}, mutes);
    w.end();
    return w.datum();
}

// stream_unmute_channels(user_id, channel_cids)
STREAM_FUNCTION(stream_unmute_channels, "UnmuteChannel") {
    const std::string_view muter = call.required_text(0, "user_id");
    const auto cids = distinct_texts(call, 1, "channel_cids");
    std::vector<Party> parties{{muter, "user_id"}};
    look_up(parties, Hold::none);
    require_actor(parties[0]);
    unmute_channels.run({muter, pg::Param::datum(pg::text_array(cids))});
    return pg::duration_response(call);
}
