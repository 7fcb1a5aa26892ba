// PostgreSQL-free
#include "moderation/ban_query.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace stream::moderation {

namespace {

using users::FieldKind;
using users::Filter;
using users::FilterField;
using users::Json;
using users::Operator;

constexpr unsigned bits(std::initializer_list<Operator> ops) {
    unsigned set = 0;
    for (const Operator op : ops)
        set |= 1U << static_cast<unsigned>(op);
    return set;
}

constexpr unsigned is_or_among = bits({Operator::equal, Operator::in});
constexpr unsigned order =
    bits({Operator::greater, Operator::greater_or_equal, Operator::less, Operator::less_or_equal});
constexpr unsigned exists = bits({Operator::exists});
constexpr unsigned words = bits({Operator::autocomplete});

constexpr std::array<FilterField, 5> fields{{
    {"user_id", FieldKind::text, "b.target_user_id", false, is_or_among | order},
    {"banned_by_id", FieldKind::text, "b.banned_by_id", true, is_or_among | order | exists},
    {"channel_cid", FieldKind::text, "b.channel_cid", false, is_or_among | exists},
    {"created_at", FieldKind::time, "b.created_at", false, is_or_among | order},
    {"reason", FieldKind::text, "b.reason", true, is_or_among | order | exists | words},
}};

constexpr const FilterField &channel_cid = fields[2];
constexpr const FilterField &created_at = fields[3];

// A ban from the whole application has an empty cid, so that the keys of bans are whole. To callers
// it has none.
constexpr FilterField channel_cid_if_any{"channel_cid", FieldKind::text,
                                         "nullif(b.channel_cid, '')", true, 0};

constexpr users::Vocabulary vocabulary{fields.data(), fields.data() + fields.size()};

// Members of the request that narrow created_at, beside the filter.
struct CreatedAtOption {
    std::string_view key;
    Operator op;
};
constexpr std::array<CreatedAtOption, 4> created_at_options{{
    {"created_at_after", Operator::greater},
    {"created_at_after_or_equal", Operator::greater_or_equal},
    {"created_at_before", Operator::less},
    {"created_at_before_or_equal", Operator::less_or_equal},
}};

struct BanQuery {
    Filter filter; // all of its parts hold
    std::vector<users::SortKey> sort;
    std::int64_t limit = 30;
    std::int64_t offset = 0;
    bool exclude_expired = false;
};

void rewrite_channel_existence(Filter &filter) {
    for (Filter &part : filter.parts)
        rewrite_channel_existence(part);
    users::Condition &condition = filter.condition;
    if (filter.kind != Filter::Kind::condition || condition.field.field != &channel_cid ||
        condition.op != Operator::exists)
        return;
    condition.op = condition.operand.boolean ? Operator::greater : Operator::equal;
    condition.operand = {};
    condition.operand.kind = Json::Kind::string;
}

void parse_created_at(const std::string &key, const Json &value, BanQuery &query) {
    const auto *option = std::find_if(created_at_options.begin(), created_at_options.end(),
                                      [&key](const auto &known) { return known.key == key; });
    if (option != created_at_options.end())
        query.filter.parts.push_back(
            users::make_condition({&created_at, {}}, option->op, value, key));
}

// Keys that clients send and that mean nothing here are passed over.
void parse_option(const std::string &key, const Json &value, BanQuery &query) {
    constexpr std::int64_t max_limit = 100;
    constexpr std::int64_t max_offset = 1000;
    if (value.kind == Json::Kind::null)
        return;
    if (key == "filter_conditions") {
        query.filter.parts.push_back(users::parse_filter_conditions(value, key, vocabulary));
        rewrite_channel_existence(query.filter.parts.back());
    } else if (key == "sort") {
        query.sort = users::parse_sort(value, key, vocabulary);
        for (users::SortKey &sort : query.sort)
            if (sort.field.field == &channel_cid)
                sort.field.field = &channel_cid_if_any;
    } else if (key == "limit") {
        const std::int64_t limit = users::parse_count(value, max_limit, key);
        query.limit = limit == 0 ? query.limit : limit;
    } else if (key == "offset") {
        query.offset = users::parse_count(value, max_offset, key);
    } else if (key == "exclude_expired_bans") {
        query.exclude_expired = users::parse_flag(value, key);
    } else {
        parse_created_at(key, value, query);
    }
}

} // namespace

users::CompiledQuery compile_ban_query(const Json &request, std::string_view columns) {
    if (request.kind != Json::Kind::object)
        throw bad_input("the query must be an object");
    BanQuery query;
    for (const auto &[key, value] : request.members)
        parse_option(key, value, query);
    if (query.sort.empty())
        query.sort.push_back({{&created_at, {}}, true});
    const char *in_force = query.exclude_expired
                               ? "\n  AND (b.expires IS NULL OR b.expires > statement_timestamp())"
                               : "";
    return users::compile(
        users::Page{query.filter, query.sort, query.limit, query.offset},
        users::Source{columns,
                      "stream.bans AS b LEFT JOIN stream.channels AS c ON c.cid = b.channel_cid",
                      in_force, ", b.target_user_id, b.channel_cid"});
}

} // namespace stream::moderation
