#include "users/related.hpp"

#include "pg/array.hpp"
#include "pg/places.hpp"
#include "pg/transaction.hpp"
#include "users/channel.hpp"

#include <array>

namespace stream::users {

namespace {

// A table that has rows of few users, and which column says of whom.
struct Sparse {
    const char *table = nullptr;
    const char *column = nullptr;
};

// A statement about users, written for several of them: $1 is an array of their ids. For one user
// there is another of it, whose $1 is the id.
class OfUsers {
public:
    explicit OfUsers(const std::string &sql, Sparse sparse = {})
        : several_(sql, {TEXTARRAYOID}), one_(of_one(sql), {TEXTOID}, pg::Planning::once),
          sparse_(sparse) {}

    // Whether an index says so of one user, which takes less than the statement.
    bool has_none(const pg::Vec<std::string_view> &ids) const {
        return sparse_.table != nullptr && ids.size() == 1 &&
               pg::is_absent(sparse_.table, sparse_.column, ids.front());
    }

    pg::Rows run(const pg::Vec<std::string_view> &ids) {
        if (ids.size() == 1)
            return one_.run({ids.front()});
        return several_.run({pg::Param::datum(pg::text_array(ids))});
    }

private:
    static std::string of_one(std::string sql) {
        static constexpr std::string_view among_several = "IN (SELECT unnest($1))";
        return sql.replace(sql.find(among_several), among_several.size(), "= $1");
    }

    pg::Statement several_;
    pg::Statement one_;
    Sparse sparse_;
};

// Which tables hold anything at all. Most applications use few of them.
pg::Statement &used_tables() {
    static pg::Statement statement(R"(
        SELECT EXISTS (SELECT FROM stream.bans),
               EXISTS (SELECT FROM stream.blocks),
               $1 AND EXISTS (SELECT FROM stream.devices),
               $1 AND EXISTS (SELECT FROM stream.user_mutes),
               $1 AND EXISTS (SELECT FROM stream.channel_mutes),
               $1 AND EXISTS (SELECT FROM stream.reads))",
                                   {BOOLOID});
    return statement;
}

// How many of those tables, from the first, a form shows something of.
int tables_of(Form form) {
    return form == Form::full ? 6 : 2;
}

// Which of them this session has found to hold anything, from position 1. What it has once found it
// takes for granted: asking an empty table is right, too.
using UsedTables = std::array<bool, 7>;

const UsedTables &look_for_used_tables(Form form) {
    static UsedTables used = {};
    const auto first = used.begin() + 1;
    const auto last = first + tables_of(form);
    if (std::find(first, last, false) == last)
        return used;
    const pg::Rows now = used_tables().run({form == Form::full});
    for (auto table = first; table != last; ++table)
        *table = *table || now[0].boolean(static_cast<int>(table - used.begin()));
    return used;
}

// A ban or mute has run out when its time has come, even inside a transaction that began earlier.
OfUsers &bans() {
    static OfUsers statement(R"(
        SELECT target_user_id, shadow, expires
        FROM stream.bans
        WHERE target_user_id IN (SELECT unnest($1)) AND channel_cid = ''
          AND (expires IS NULL OR expires > statement_timestamp())
        ORDER BY target_user_id)",
                             {"bans", "target_user_id"});
    return statement;
}

OfUsers &blocks() {
    static OfUsers statement(R"(
        SELECT user_id, blocked_user_id
        FROM stream.blocks
        WHERE user_id IN (SELECT unnest($1))
        ORDER BY user_id, blocked_user_id)",
                             {"blocks", "user_id"});
    return statement;
}

OfUsers &devices() {
    static OfUsers statement(R"(
        SELECT user_id, id, voip, disabled, created_at, hardware_id, push_provider,
               disabled_reason, push_provider_name
        FROM stream.devices
        WHERE user_id IN (SELECT unnest($1))
        ORDER BY user_id, created_at, id)");
    return statement;
}

OfUsers &mutes() {
    static OfUsers statement(R"(
        SELECT user_id, expires, created_at, updated_at, target_id
        FROM stream.user_mutes
        WHERE user_id IN (SELECT unnest($1))
          AND (expires IS NULL OR expires > statement_timestamp())
        ORDER BY user_id, created_at, target_id)",
                             {"user_mutes", "user_id"});
    return statement;
}

OfUsers &channel_mutes() {
    static OfUsers statement(R"(
        SELECT m.user_id, m.expires, m.created_at, m.updated_at, m.channel_cid,
               c.id, c.team, c.type, c.custom, c.created_at, c.deleted_at, c.updated_at
        FROM stream.channel_mutes AS m
        LEFT JOIN stream.channels AS c ON c.cid = m.channel_cid
        WHERE m.user_id IN (SELECT unnest($1))
          AND (m.expires IS NULL OR m.expires > statement_timestamp())
        ORDER BY m.user_id, m.created_at, m.channel_cid)",
                             {"channel_mutes", "user_id"});
    return statement;
}

// One row a user. Where the application keeps the number of unread messages it counts as it is;
// else messages are counted, from the place where the user stopped to read: what the index finds
// there is unread but for the user's own. Threads are always looked at: nobody keeps them. LIMIT
// makes of each look at what the user wrote in one a probe of an index, never a table hashed
// beforehand.
OfUsers &unread() {
    static OfUsers statement(R"(
        SELECT r.user_id, sum(COALESCE(r.unread_messages, n.messages))::bigint,
               count(*) FILTER (WHERE COALESCE(r.unread_messages, n.messages) > 0), sum(t.threads)::bigint
        FROM stream.reads AS r
        LEFT JOIN stream.channels AS c ON c.cid = r.cid
        LEFT JOIN stream.channel_members AS m ON m.cid = r.cid AND m.user_id = r.user_id
        LEFT JOIN stream.channel_mutes AS x
               ON x.user_id = r.user_id AND x.channel_cid = r.cid
              AND (x.expires IS NULL OR x.expires > statement_timestamp())
        CROSS JOIN LATERAL (
            SELECT count(*) AS messages,
                   array_agg(DISTINCT s.parent_id) FILTER (WHERE s.parent_id IS NOT NULL) AS parents
            FROM stream.messages AS s
            WHERE s.cid = r.cid AND s.created_at > r.last_read AND s.deleted_at IS NULL
              AND s.user_id IS DISTINCT FROM r.user_id
              AND m.user_id IS NOT NULL AND m.deleted_at IS NULL AND x.user_id IS NULL) AS n
        CROSS JOIN LATERAL (
            SELECT count(*) AS threads
            FROM unnest(n.parents) AS p (id)
            WHERE COALESCE((SELECT true
                            FROM stream.messages AS o
                            WHERE o.cid = r.cid AND o.id = p.id AND o.user_id = r.user_id
                              AND o.deleted_at IS NULL
                            LIMIT 1),
                           (SELECT true
                            FROM stream.messages AS o
                            WHERE o.cid = r.cid AND o.parent_id = p.id AND o.user_id = r.user_id
                              AND o.deleted_at IS NULL
                            LIMIT 1), false)) AS t
        WHERE r.user_id IN (SELECT unnest($1)) AND c.deleted_at IS NULL
        GROUP BY r.user_id
        ORDER BY r.user_id)");
    return statement;
}

void write_device(pg::JsonbWriter &w, const pg::Row &row) {
    const bool voip = !row.is_null(3);
    const bool disabled = !row.is_null(4);
    const auto hardware_id = row.text_or_null(6);
    const auto disabled_reason = row.text_or_null(8);
    const auto push_provider_name = row.text_or_null(9);
    w.begin_object_of({{"id"},
                       {"voip", voip},
                       {"user_id"},
                       {"disabled", disabled},
                       {"created_at"},
                       {"hardware_id", hardware_id.has_value()},
                       {"push_provider"},
                       {"disabled_reason", disabled_reason.has_value()},
                       {"push_provider_name", push_provider_name.has_value()}});
    w.string(row.text(2));
    if (voip)
        w.boolean(row.boolean(3));
    w.string(row.text(1));
    if (disabled)
        w.boolean(row.boolean(4));
    w.timestamp_if(row.timestamp(5));
    w.string_if(hardware_id);
    w.string(row.text(7));
    w.string_if(disabled_reason);
    w.string_if(push_provider_name);
    w.end();
}

// What both kinds of mute end with: expires, created_at and updated_at, in columns 2 to 4.
void write_mute_times(pg::JsonbWriter &w, const pg::Row &row) {
    w.timestamp_if(row.timestamp(2));
    w.timestamp_if(row.timestamp(3));
    w.timestamp_if(row.timestamp(4));
}

} // namespace

void Related::ByUser::load(pg::Rows rows) {
    for (std::size_t i = 0; i < rows.size(); i++) {
        const std::string_view id = rows[i].text(1);
        if (starts_.empty() || starts_.back().id != id)
            starts_.push_back({id, i});
    }
    rows_.emplace(std::move(rows));
}

Related::ByUser::Range Related::ByUser::of(std::string_view id) const {
    const auto found =
        std::lower_bound(starts_.begin(), starts_.end(), id,
                         [](const Start &start, std::string_view key) { return start.id < key; });
    if (found == starts_.end() || found->id != id)
        return {0, 0};
    const auto next = std::next(found);
    return {found->first, next == starts_.end() ? rows_->size() : next->first};
}

void Related::ByUser::add_ids_to(pg::Vec<std::string_view> &ids) const {
    for (const Start &start : starts_)
        ids.push_back(start.id);
}

void Related::ByUser::add_texts_to(pg::Vec<std::string_view> &texts, int column) const {
    for (std::size_t i = 0; rows_ && i < rows_->size(); i++)
        texts.push_back((*rows_)[i].text(column));
}

Related::Related(const pg::Vec<std::string_view> &ids, Form form) {
    if (!ids.empty())
        load([&ids] { return ids; }, form);
}

Related::Related(const Ids &ids, Form form) {
    load(ids, form);
}

void Related::load(const Ids &ids, Form form) {
    const UsedTables &used = look_for_used_tables(form);
    pg::Vec<std::string_view> named;
    bool compiling = jit_enabled;
    const auto look_into = [&](int column, ByUser &into, OfUsers &(*statement)()) {
        if (column > tables_of(form) || !used[static_cast<std::size_t>(column)])
            return;
        if (named.empty())
            named = ids();
        if (statement().has_none(named))
            return;
        // These statements are looked up by index, row by row: compiling them takes longer than
        // they do.
        if (std::exchange(compiling, false))
            pg::set_for_now("jit", "off");
        into.load(statement().run(named));
    };
    look_into(1, bans_, bans);
    look_into(2, blocks_, blocks);
    look_into(3, devices_, devices);
    look_into(4, mutes_, mutes);
    look_into(5, channel_mutes_, channel_mutes);
    look_into(6, reads_, unread);
    load_users_of_mutes();
}

void Related::load_users_of_mutes() {
    pg::Vec<std::string_view> ids;
    mutes_.add_ids_to(ids);
    channel_mutes_.add_ids_to(ids);
    mutes_.add_texts_to(ids, 5);
    if (ids.empty())
        return;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    user_rows_.emplace(load_users(ids, true));
    users_.reserve(user_rows_->size());
    for (std::size_t i = 0; i < user_rows_->size(); i++)
        users_.push_back(read_record((*user_rows_)[i]));
    // The short form shows no mutes, so this goes one level deep.
    short_writer_ = std::make_unique<UserWriter>(ids, Form::short_form);
}

const UserRecord *Related::user_of_mute(std::string_view id) const {
    const auto found = std::lower_bound(
        users_.begin(), users_.end(), id,
        [](const UserRecord &user, std::string_view key) { return user.id < key; });
    return found == users_.end() || found->id != id ? nullptr : &*found;
}

Related::Ban Related::ban(std::string_view id) const {
    const auto [first, last] = bans_.of(id);
    if (first == last)
        return {};
    const pg::Row row = bans_.row(first);
    const bool shadow = row.boolean(2);
    return {!shadow, shadow, row.timestamp(3)};
}

Related::Counters Related::counters(std::string_view id) const {
    const auto [first, last] = reads_.of(id);
    if (first == last)
        return {};
    const int64 messages = reads_.row(first).int8(2);
    return {messages, messages, reads_.row(first).int8(3), reads_.row(first).int8(4)};
}

void Related::write_blocked_user_ids(pg::JsonbWriter &w, std::string_view id) const {
    const auto [first, last] = blocks_.of(id);
    w.begin_array(last - first);
    for (std::size_t i = first; i < last; i++)
        w.string(blocks_.row(i).text(2));
    w.end();
}

void Related::write_devices(pg::JsonbWriter &w, std::string_view id) const {
    const auto [first, last] = devices_.of(id);
    w.begin_array(last - first);
    for (std::size_t i = first; i < last; i++)
        write_device(w, devices_.row(i));
    w.end();
}

void Related::write_mutes(pg::JsonbWriter &w, std::string_view id) const {
    const auto [first, last] = mutes_.of(id);
    w.begin_array(last - first);
    for (std::size_t i = first; i < last; i++) {
        const pg::Row row = mutes_.row(i);
        const UserRecord *user = user_of_mute(id);
        const UserRecord *target = user_of_mute(row.text(5));
        w.begin_object_of({{"user", user != nullptr},
                           {"target", target != nullptr},
                           {"expires", !row.is_null(2)},
                           {"created_at"},
                           {"updated_at"}});
        for (const UserRecord *shown : {user, target})
            if (shown != nullptr)
                short_writer_->write(w, *shown);
        write_mute_times(w, row);
        w.end();
    }
    w.end();
}

void Related::write_channel_mutes(pg::JsonbWriter &w, std::string_view id) const {
    const auto [first, last] = channel_mutes_.of(id);
    w.begin_array(last - first);
    for (std::size_t i = first; i < last; i++) {
        const pg::Row row = channel_mutes_.row(i);
        const UserRecord *user = user_of_mute(id);
        w.begin_object_of({{"user", user != nullptr},
                           {"channel"},
                           {"expires", !row.is_null(2)},
                           {"created_at"},
                           {"updated_at"}});
        if (user != nullptr)
            short_writer_->write(w, *user);
        write_channel(w, row, 5);
        write_mute_times(w, row);
        w.end();
    }
    w.end();
}

} // namespace stream::users
