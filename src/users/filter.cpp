// PostgreSQL-free
#include "users/filter.hpp"

#include "users/fields.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace stream::users {

namespace {

struct OperatorName {
    std::string_view name;
    Operator op;
};

constexpr std::array<OperatorName, 11> operator_names{{
    {"$eq", Operator::equal},
    {"$ne", Operator::not_equal},
    {"$in", Operator::in},
    {"$nin", Operator::not_in},
    {"$contains", Operator::contains},
    {"$gt", Operator::greater},
    {"$gte", Operator::greater_or_equal},
    {"$lt", Operator::less},
    {"$lte", Operator::less_or_equal},
    {"$exists", Operator::exists},
    {"$autocomplete", Operator::autocomplete},
}};

constexpr unsigned bits(std::initializer_list<Operator> ops) {
    unsigned set = 0;
    for (const Operator op : ops)
        set |= 1U << static_cast<unsigned>(op);
    return set;
}

constexpr unsigned is = bits({Operator::equal});
constexpr unsigned is_not = bits({Operator::not_equal});
constexpr unsigned among = bits({Operator::in});
constexpr unsigned not_among = bits({Operator::not_in});
constexpr unsigned holds = bits({Operator::contains});
constexpr unsigned order =
    bits({Operator::greater, Operator::greater_or_equal, Operator::less, Operator::less_or_equal});
constexpr unsigned exists = bits({Operator::exists});
constexpr unsigned words = bits({Operator::autocomplete});

// An app-wide ban in force; it has run out when its time has come, as in the user object.
constexpr std::string_view banned_sql = R"(EXISTS (
        SELECT FROM stream.bans AS b
        WHERE b.target_user_id = u.id AND b.channel_cid = '' AND NOT b.shadow
          AND (b.expires IS NULL OR b.expires > statement_timestamp())))";
constexpr std::string_view shadow_banned_sql = R"(EXISTS (
        SELECT FROM stream.bans AS b
        WHERE b.target_user_id = u.id AND b.channel_cid = '' AND b.shadow
          AND (b.expires IS NULL OR b.expires > statement_timestamp())))";

// As in the user object: src/access/presence.hpp.
constexpr std::string_view online_sql =
    R"((u.online AND u.deactivated_at IS NULL AND u.deleted_at IS NULL
      AND coalesce(u.last_active, '-infinity') > (SELECT stream.present_since())))";

constexpr unsigned time_operators = is | among | order | exists;

constexpr std::array<FilterField, 15> filter_fields{{
    {"id", FieldKind::text, "u.id", false,
     is | is_not | among | not_among | order | exists | words},
    {"name", FieldKind::text, "u.name", true, is | among | order | exists | words},
    {"role", FieldKind::text, "u.role", false, is | among | order | exists},
    {"teams", FieldKind::teams, "u.teams", false, is | among | holds},
    {"language", FieldKind::text, "u.language", false, is | among},
    {"banned", FieldKind::flag, banned_sql, false, is | is_not},
    {"shadow_banned", FieldKind::flag, shadow_banned_sql, false, is | is_not},
    {"online", FieldKind::flag, online_sql, false, is | is_not},
    {"invisible", FieldKind::flag, "u.invisible", false, is | is_not},
    {"created_at", FieldKind::time, "u.created_at", false, time_operators},
    {"updated_at", FieldKind::time, "u.updated_at", false, time_operators},
    {"last_active", FieldKind::time, "u.last_active", true, time_operators},
    {"deactivated_at", FieldKind::time, "u.deactivated_at", true, time_operators},
    {"deleted_at", FieldKind::time, "u.deleted_at", true, time_operators},
    {"custom", FieldKind::custom, "u.custom", true,
     is | is_not | among | not_among | holds | order | exists | words},
}};

constexpr const FilterField &custom_field = filter_fields.back();

constexpr Vocabulary user_fields{filter_fields.data(), filter_fields.data() + filter_fields.size(),
                                 &custom_field};

Error refusal(std::string reason, std::string path) {
    return bad_input(std::move(reason)).at(std::move(path));
}

std::string member_path(const std::string &path, std::string_view key) {
    return path.empty() ? std::string(key) : path + '.' + std::string(key);
}

std::string item_path(const std::string &path, std::size_t i) {
    return path + '[' + std::to_string(i) + ']';
}

const char *article_and_name(Json::Kind kind) {
    switch (kind) {
    case Json::Kind::null:
        return "null";
    case Json::Kind::boolean:
        return "a boolean";
    case Json::Kind::number:
        return "a number";
    case Json::Kind::string:
        return "a string";
    case Json::Kind::array:
        return "an array";
    default:
        return "an object";
    }
}

void expect(const Json &value, Json::Kind kind, const std::string &path) {
    if (value.kind != kind)
        throw refusal(path + " must be " + article_and_name(kind) + ", not " +
                          article_and_name(value.kind),
                      path);
}

// Splits a path of custom data at its dots, `\.` and `\\` being a dot and a backslash of a key.
std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> keys(1);
    for (std::size_t i = 0; i < path.size(); i++) {
        const char next = i + 1 < path.size() ? path[i + 1] : '\0';
        if (path[i] == '.')
            keys.emplace_back();
        else if (path[i] == '\\' && (next == '.' || next == '\\'))
            keys.back() += path[++i];
        else
            keys.back() += path[i];
    }
    return keys;
}

const FilterField *find_filter_field(std::string_view name, const Vocabulary &known) {
    const auto *found = std::find_if(known.first, known.last,
                                     [name](const FilterField &f) { return f.name == name; });
    return found == known.last ? nullptr : found;
}

Error unknown_field(std::string_view name, const std::string &path, const Vocabulary &known) {
    std::string names;
    for (const FilterField *field = known.first; field != known.last; field++)
        names += (names.empty() ? "" : ", ") + std::string(field->name);
    return refusal("there is no field " + quoted(name) + " to filter or sort by", path)
        .hint("There are " + names + ".");
}

// The field of a name in a filter or a sort; path is where the name stands in the request.
FieldRef resolve(std::string_view name, const std::string &path, const Vocabulary &known) {
    if (const FilterField *field = find_filter_field(name, known))
        return {field, {}};
    if (known.custom == nullptr)
        throw unknown_field(name, path, known);
    std::vector<std::string> keys = split_path(name);
    const bool below_custom = keys.front() == custom_field.name;
    if (!below_custom && find_field(keys.front()))
        throw refusal("field " + quoted(name) + " can't be used in filters and sorting", path)
            .hint("Custom data of that name is " + quoted("custom." + std::string(name)) + ".");
    if (below_custom)
        keys.erase(keys.begin());
    if (keys.size() > max_nesting)
        throw refusal("the path has more than " + std::to_string(max_nesting) + " keys", path);
    return {known.custom, std::move(keys)};
}

std::string label(const FieldRef &ref) {
    std::string name(ref.field->name);
    for (const std::string &key : ref.path)
        name += '.' + key;
    return name;
}

Error unsupported(const FieldRef &ref, std::string_view op, const std::string &path) {
    std::string known;
    for (const OperatorName &entry : operator_names)
        if (ref.field->has(entry.op))
            known += (known.empty() ? "" : ", ") + std::string(entry.name);
    return refusal("field " + quoted(label(ref)) + " has no operator " + quoted(op), path)
        .hint("It has " + known + ".");
}

Instant parse_time(const Json &value, const std::string &path) {
    Instant instant;
    if (value.kind == Json::Kind::string && parse_rfc3339(value.text, instant))
        return instant;
    if (value.kind == Json::Kind::number && parse_nanoseconds(value.text, instant))
        return instant;
    throw refusal(path + " must be a time: an RFC 3339 string or an integer of epoch nanoseconds",
                  path);
}

// Whether one operand, or one element of a list of them, fits the field. Times are kept as parsed.
void check_value(Condition &condition, const Json &value, const std::string &path) {
    switch (condition.field.field->kind) {
    case FieldKind::text:
    case FieldKind::teams:
        expect(value, Json::Kind::string, path);
        break;
    case FieldKind::flag:
        expect(value, Json::Kind::boolean, path);
        break;
    case FieldKind::time:
        condition.instants.push_back(parse_time(value, path));
        break;
    case FieldKind::custom:
        break;
    }
}

void check_list(Condition &condition, const std::string &path) {
    expect(condition.operand, Json::Kind::array, path);
    for (std::size_t i = 0; i < condition.operand.items.size(); i++)
        check_value(condition, condition.operand.items[i], item_path(path, i));
}

void check_operand(Condition &condition, const std::string &path) {
    const FieldKind kind = condition.field.field->kind;
    const Json &operand = condition.operand;
    switch (condition.op) {
    case Operator::exists:
        return expect(operand, Json::Kind::boolean, path);
    case Operator::autocomplete:
        expect(operand, Json::Kind::string, path);
        // It becomes a regular expression, whose cost grows with its length.
        if (operand.text.size() > 255)
            throw refusal(path + " is longer than 255 bytes", path);
        return;
    case Operator::in:
    case Operator::not_in:
        return check_list(condition, path);
    case Operator::equal:
    case Operator::contains:
        // null stands for no team at all.
        if (kind == FieldKind::teams && operand.kind == Json::Kind::null)
            return;
        if (kind == FieldKind::teams && condition.op == Operator::equal)
            return check_list(condition, path);
        return check_value(condition, operand, path);
    case Operator::not_equal:
        return check_value(condition, operand, path);
    default:
        if (kind == FieldKind::custom && operand.kind != Json::Kind::number)
            return expect(operand, Json::Kind::string, path);
        return check_value(condition, operand, path);
    }
}

} // namespace

Filter make_condition(const FieldRef &field, Operator op, Json operand, const std::string &path) {
    Filter filter;
    filter.kind = Filter::Kind::condition;
    filter.condition = {field, op, std::move(operand), {}};
    check_operand(filter.condition, path);
    return filter;
}

namespace {

// An object of operators. What custom data is compared with may be an object itself: one without
// any key that begins with a dollar sign.
bool has_operators(const FieldRef &field, const Json &value) {
    if (value.kind != Json::Kind::object)
        return false;
    return field.field->kind != FieldKind::custom ||
           std::any_of(value.members.begin(), value.members.end(), [](const auto &member) {
               return !member.first.empty() && member.first.front() == '$';
           });
}

void parse_field(const std::string &name, const Json &value, const std::string &path,
                 const Vocabulary &vocabulary, std::vector<Filter> &parts) {
    const FieldRef field = resolve(name, path, vocabulary);
    if (!has_operators(field, value)) {
        parts.push_back(make_condition(field, Operator::equal, value, path));
        return;
    }
    if (value.members.empty())
        throw refusal(path + " has no operator", path);
    for (const auto &[key, operand] : value.members) {
        const std::string at = member_path(path, key);
        const auto *known =
            std::find_if(operator_names.begin(), operator_names.end(),
                         [&key = key](const OperatorName &entry) { return entry.name == key; });
        if (known == operator_names.end() || !field.field->has(known->op))
            throw unsupported(field, key, at);
        parts.push_back(make_condition(field, known->op, operand, at));
    }
}

Filter parse_filter(const Json &value, const std::string &path, const Vocabulary &known);

Filter parse_combination(Filter::Kind kind, const Json &value, const std::string &path,
                         const Vocabulary &known) {
    expect(value, Json::Kind::array, path);
    if (value.items.empty())
        throw refusal(path + " needs at least one filter", path);
    Filter filter;
    filter.kind = kind;
    for (std::size_t i = 0; i < value.items.size(); i++)
        filter.parts.push_back(parse_filter(value.items[i], item_path(path, i), known));
    return filter;
}

Filter parse_filter(const Json &value, const std::string &path, const Vocabulary &known) {
    expect(value, Json::Kind::object, path);
    Filter filter;
    for (const auto &[key, member] : value.members) {
        const std::string at = member_path(path, key);
        if (key == "$and")
            filter.parts.push_back(parse_combination(Filter::Kind::all, member, at, known));
        else if (key == "$or")
            filter.parts.push_back(parse_combination(Filter::Kind::any, member, at, known));
        else if (key == "$nor")
            filter.parts.push_back(parse_combination(Filter::Kind::none, member, at, known));
        else if (!key.empty() && key.front() == '$')
            throw refusal("there is no operator " + quoted(key) + " here", at)
                .hint("Filters combine with $and, $or and $nor.");
        else
            parse_field(key, member, at, known, filter.parts);
    }
    return filter;
}

std::size_t count_conditions(const Filter &filter) {
    std::size_t count = filter.kind == Filter::Kind::condition ? 1 : 0;
    for (const Filter &part : filter.parts)
        count += count_conditions(part);
    return count;
}

SortKey parse_sort_key(const Json &value, const std::string &path, const Vocabulary &known) {
    expect(value, Json::Kind::object, path);
    SortKey key;
    for (const auto &[name, member] : value.members) {
        const std::string at = member_path(path, name);
        if (name == "field") {
            expect(member, Json::Kind::string, at);
            key.field = resolve(member.text, at, known);
        } else if (name == "direction" && member.kind != Json::Kind::null) {
            expect(member, Json::Kind::number, at);
            if (member.text != "1" && member.text != "-1")
                throw refusal(at + " must be 1 (ascending) or -1 (descending)", at);
            key.descending = member.text == "-1";
        }
    }
    if (key.field.field == nullptr)
        throw refusal(path + " needs a field", member_path(path, "field"));
    return key;
}

} // namespace

Filter parse_filter_conditions(const Json &value, const std::string &path,
                               const Vocabulary &known) {
    Filter filter = parse_filter(value, path, known);
    if (count_conditions(filter) > max_conditions)
        throw refusal(path + " has more than " + std::to_string(max_conditions) + " conditions",
                      path)
            .hint("$in takes any number of values.");
    return filter;
}

std::vector<SortKey> parse_sort(const Json &value, const std::string &path,
                                const Vocabulary &known) {
    constexpr std::size_t max_keys = 5;
    expect(value, Json::Kind::array, path);
    if (value.items.size() > max_keys)
        throw refusal(path + " has more than " + std::to_string(max_keys) + " fields", path);
    std::vector<SortKey> keys;
    for (std::size_t i = 0; i < value.items.size(); i++)
        keys.push_back(parse_sort_key(value.items[i], item_path(path, i), known));
    return keys;
}

std::int64_t parse_count(const Json &value, std::int64_t max, const std::string &path) {
    expect(value, Json::Kind::number, path);
    std::int64_t count = 0;
    for (const char c : value.text) {
        if (c < '0' || c > '9' || count > max)
            count = max + 1;
        else
            count = count * 10 + (c - '0');
    }
    if (count > max)
        throw refusal(path + " must be an integer from 0 to " + std::to_string(max), path);
    return count;
}

bool parse_flag(const Json &value, const std::string &path) {
    expect(value, Json::Kind::boolean, path);
    return value.boolean;
}

namespace {

// Keys that clients send and that mean nothing here are passed over.
void parse_option(const std::string &key, const Json &value, UserQuery &query) {
    constexpr std::int64_t max_limit = 100;
    constexpr std::int64_t max_offset = 1000;
    if (value.kind == Json::Kind::null)
        return;
    if (key == "filter_conditions") {
        query.filter = parse_filter_conditions(value, key, user_fields);
    } else if (key == "sort") {
        query.sort = parse_sort(value, key, user_fields);
    } else if (key == "limit") {
        const std::int64_t limit = parse_count(value, max_limit, key);
        query.limit = limit == 0 ? query.limit : limit;
    } else if (key == "offset") {
        query.offset = parse_count(value, max_offset, key);
    } else if (key == "include_deactivated_users") {
        query.include_deactivated = parse_flag(value, key);
    } else if (key == "include_deleted_users") {
        query.include_deleted = parse_flag(value, key);
    }
}

} // namespace

UserQuery parse_query(const Json &request) {
    if (request.kind != Json::Kind::object)
        throw bad_input(std::string("the query must be an object, not ") +
                        article_and_name(request.kind));
    UserQuery query;
    for (const auto &[key, value] : request.members)
        parse_option(key, value, query);
    if (query.sort.empty())
        query.sort.push_back({{find_filter_field("created_at", user_fields), {}}, true});
    return query;
}

} // namespace stream::users
