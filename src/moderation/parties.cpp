#include "moderation/parties.hpp"

#include "pg/array.hpp"
#include "pg/jsonb_writer.hpp"

#include <unordered_map>
#include <unordered_set>

namespace stream::moderation {

namespace {

pg::Statement read_users(R"(
    SELECT id, deactivated_at IS NOT NULL, deleted_at IS NOT NULL
    FROM stream.users
    WHERE id = ANY ($1))",
                         {TEXTARRAYOID});

pg::Statement share_users(R"(
    SELECT id, deactivated_at IS NOT NULL, deleted_at IS NOT NULL
    FROM stream.users
    WHERE id = ANY ($1)
    ORDER BY id
    FOR SHARE)",
                          {TEXTARRAYOID});

pg::Statement lock_users(R"(
    SELECT id, deactivated_at IS NOT NULL, deleted_at IS NOT NULL
    FROM stream.users
    WHERE id = ANY ($1)
    ORDER BY id
    FOR NO KEY UPDATE)",
                         {TEXTARRAYOID});

// A task that erases a channel marks it first, and takes along what hangs on it only then.
pg::Statement share_channels(R"(
    SELECT cid, deleted_at IS NOT NULL
    FROM stream.channels
    WHERE cid = ANY ($1)
    ORDER BY cid
    FOR SHARE)",
                             {TEXTARRAYOID});

pg::Statement &lookup(Hold hold) {
    switch (hold) {
    case Hold::shared:
        return share_users;
    case Hold::exclusive:
        return lock_users;
    case Hold::none:
        break;
    }
    return read_users;
}

} // namespace

void look_up(std::vector<Party> &parties, Hold hold) {
    pg::Vec<std::string_view> ids;
    std::unordered_multimap<std::string_view, Party *> by_id;
    for (Party &party : parties) {
        ids.push_back(party.id);
        by_id.emplace(party.id, &party);
    }
    const pg::Rows rows = lookup(hold).run({pg::Param::datum(pg::text_array(ids))});
    for (std::size_t i = 0; i < rows.size(); i++) {
        const auto [first, last] = by_id.equal_range(rows[i].text(1));
        for (auto named = first; named != last; ++named) {
            named->second->known = true;
            named->second->deactivated = rows[i].boolean(2);
            named->second->deleted = rows[i].boolean(3);
        }
    }
}

void require_known(const Party &party) {
    if (!party.known)
        throw not_found("user " + quoted(party.id) + " does not exist")
            .at(party.path)
            .of(party.id)
            .hint("Create the user with stream_upsert_users first.");
}

void require_actor(const Party &party) {
    require_known(party);
    if (party.deleted)
        throw not_allowed("user " + quoted(party.id) + " is deleted, it can't act")
            .at(party.path)
            .of(party.id)
            .hint("A soft-deleted user can be restored with stream_restore_users first.");
    if (party.deactivated)
        throw not_allowed("user " + quoted(party.id) + " is deactivated, it can't act")
            .at(party.path)
            .of(party.id)
            .hint("Reactivate it with stream_reactivate_user first.");
}

void require_target(const Party &party, const char *verb) {
    require_known(party);
    lifecycle::refuse_deleted(party, verb);
}

void require_channels(const std::vector<std::string_view> &cids, const char *name, bool single) {
    const pg::Rows rows = share_channels.run({pg::Param::datum(pg::text_array(cids))});
    std::unordered_map<std::string_view, bool> deleted;
    for (std::size_t i = 0; i < rows.size(); i++)
        deleted.emplace(rows[i].text(1), rows[i].boolean(2));
    for (std::size_t i = 0; i < cids.size(); i++) {
        const std::string path = single ? name : element_path(name, i);
        const auto found = deleted.find(cids[i]);
        if (found == deleted.end())
            throw not_found("channel " + quoted(cids[i]) + " does not exist")
                .at(path)
                .of(cids[i])
                .hint("Name a channel of stream.channels by its cid, type:id.");
        if (found->second)
            throw bad_input("channel " + quoted(cids[i]) + " is deleted").at(path).of(cids[i]);
    }
}

std::vector<std::string_view> distinct_texts(const pg::Call &call, int arg, const char *name) {
    auto texts = call.text_array(arg, name);
    if (texts.empty())
        throw bad_input(std::string(name) + " must not be empty").at(name);
    std::unordered_set<std::string_view> seen;
    for (std::size_t i = 0; i < texts.size(); i++)
        if (!seen.insert(texts[i]).second)
            throw bad_input(quoted(texts[i]) + " is named twice")
                .at(element_path(name, i))
                .of(texts[i]);
    return texts;
}

std::string element_path(const char *name, std::size_t i) {
    return std::string(name) + '[' + std::to_string(i) + ']';
}

std::optional<TimestampTz> expiry(const pg::Call &call, int arg, TimestampTz now) {
    if (call.is_null(arg))
        return std::nullopt;
    const int32 minutes = DatumGetInt32(call.datum(arg));
    if (minutes < 1)
        throw bad_input("timeout_minutes must be at least 1, not " + std::to_string(minutes))
            .at("timeout_minutes")
            .hint("Leave it out for no end.");
    return now + minutes * USECS_PER_MINUTE;
}

} // namespace stream::moderation
