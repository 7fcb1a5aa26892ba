// PostgreSQL-free
#include "users/filter.hpp"

#include <algorithm>

namespace stream::users {

namespace {

bool is_container(const Json &value) {
    return value.kind == Json::Kind::array || value.kind == Json::Kind::object;
}

// {"a": {"b": <value>}} for the path a, b.
std::string wrapped(const std::vector<std::string> &path, const std::string &value) {
    std::string text;
    for (const std::string &key : path) {
        text += '{';
        append_json_string(text, key);
        text += ':';
    }
    return text + value + std::string(path.size(), '}');
}

// A regular expression for: the value, or a word in it, begins with the text. Every character of
// the text stands for itself.
std::string word_prefix(std::string_view text) {
    std::string pattern = "(^|[^[:alnum:]])";
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
        if (!plain)
            pattern += '\\';
        pattern += c;
    }
    return pattern;
}

std::vector<std::string> texts_of(const Json &list) {
    std::vector<std::string> texts;
    for (const Json &item : list.items)
        texts.push_back(item.text);
    return texts;
}

class Compiler {
public:
    explicit Compiler(std::vector<Parameter> &parameters) : parameters_(parameters) {}

    std::string filter(const Filter &filter);
    std::string sort_key(const SortKey &key);
    std::string integer(std::int64_t number) { return add({ParameterType::integer, {}, {number}}); }

private:
    std::string condition(const Condition &c);
    std::string text_condition(const Condition &c);
    std::string teams_condition(const Condition &c);
    std::string flag_condition(const Condition &c);
    std::string time_condition(const Condition &c);
    std::string custom_condition(const Condition &c);
    std::string custom_equal(const FieldRef &field, const Json &value);
    std::string custom_in(const FieldRef &field, const Json &values);
    std::string custom_contains(const FieldRef &field, const Json &value);
    std::string custom_value(const FieldRef &field);

    // Each adds a parameter and returns its name in the statement.
    std::string add(Parameter parameter) {
        parameters_.push_back(std::move(parameter));
        return '$' + std::to_string(parameters_.size());
    }
    std::string text(std::string value) {
        return add({ParameterType::text, {std::move(value)}, {}});
    }
    std::string texts(std::vector<std::string> values) {
        return add({ParameterType::text_array, std::move(values), {}});
    }
    std::string jsonb(std::string value) {
        return add({ParameterType::jsonb, {std::move(value)}, {}});
    }
    std::string jsonbs(std::vector<std::string> values) {
        return add({ParameterType::jsonb_array, std::move(values), {}});
    }

    std::vector<Parameter> &parameters_;
    std::vector<const FilterField *> flags_; // those that conditions have been about so far
};

std::string comparison(Operator op) {
    switch (op) {
    case Operator::not_equal:
        return " <> ";
    case Operator::greater:
        return " > ";
    case Operator::greater_or_equal:
        return " >= ";
    case Operator::less:
        return " < ";
    case Operator::less_or_equal:
        return " <= ";
    default:
        return " = ";
    }
}

// Whether a value is there, or, with false for an operand, is not.
std::string existence(const std::string &value, const Condition &c) {
    return value + (c.operand.boolean ? " IS NOT NULL" : " IS NULL");
}

std::string Compiler::filter(const Filter &filter) {
    if (filter.kind == Filter::Kind::condition)
        return condition(filter.condition);
    if (filter.parts.empty())
        return "true";
    const char *glue = filter.kind == Filter::Kind::all ? " AND " : " OR ";
    std::string sql;
    for (const Filter &part : filter.parts)
        sql += (sql.empty() ? "(" : glue) + this->filter(part);
    sql += ')';
    // What is missing makes a comparison neither true nor false, and so lets $nor hold.
    return filter.kind == Filter::Kind::none ? '(' + sql + " IS NOT TRUE)" : sql;
}

std::string Compiler::condition(const Condition &c) {
    switch (c.field.field->kind) {
    case FieldKind::text:
        return text_condition(c);
    case FieldKind::teams:
        return teams_condition(c);
    case FieldKind::flag:
        return flag_condition(c);
    case FieldKind::time:
        return time_condition(c);
    default:
        return custom_condition(c);
    }
}

// The columns with $ne and $nin are never null, so that nothing is missing there.
std::string Compiler::text_condition(const Condition &c) {
    const std::string column(c.field.field->sql);
    switch (c.op) {
    case Operator::in:
        return column + " = ANY (" + texts(texts_of(c.operand)) + ')';
    case Operator::not_in:
        return column + " <> ALL (" + texts(texts_of(c.operand)) + ')';
    case Operator::exists:
        return existence(column, c);
    case Operator::autocomplete:
        return column + " ~* " + text(word_prefix(c.operand.text));
    default:
        return column + comparison(c.op) + text(c.operand.text);
    }
}

// The index holds users that have a team; saying so lets it be used.
std::string Compiler::teams_condition(const Condition &c) {
    if (c.operand.kind == Json::Kind::null || (c.op == Operator::equal && c.operand.items.empty()))
        return "u.teams = '{}'";
    std::string sql = "(u.teams <> '{}' AND u.teams ";
    if (c.op == Operator::contains) {
        sql += "@> " + texts({c.operand.text});
    } else {
        const std::string list = texts(texts_of(c.operand));
        sql += c.op == Operator::in ? "&& " + list : "@> " + list + " AND u.teams <@ " + list;
    }
    return sql + ')';
}

// The planner makes a join of an EXISTS that stands by itself, which is what a rare ban wants, but
// it takes long over many joins: so only the first of each field stands by itself.
std::string Compiler::flag_condition(const Condition &c) {
    const FilterField *field = c.field.field;
    const bool wanted = c.operand.boolean == (c.op == Operator::equal);
    const std::string sql(field->sql);
    if (std::find(flags_.begin(), flags_.end(), field) != flags_.end())
        return '(' + sql + (wanted ? " IS TRUE)" : " IS NOT TRUE)");
    flags_.push_back(field);
    return wanted ? sql : "NOT " + sql;
}

// Columns keep microseconds. An instant between two of them equals none, and lies above the earlier
// one, which is what it was cut to.
std::string Compiler::time_condition(const Condition &c) {
    const std::string column(c.field.field->sql);
    if (c.op == Operator::exists)
        return existence(column, c);
    if (c.op == Operator::in) {
        Parameter list{ParameterType::time_array, {}, {}};
        for (const Instant &instant : c.instants)
            if (instant.exact)
                list.numbers.push_back(instant.microseconds);
        return column + " = ANY (" + add(std::move(list)) + ')';
    }
    const Instant instant = c.instants.front();
    Operator op = c.op;
    if (!instant.exact) {
        if (op == Operator::equal)
            return "false";
        if (op == Operator::greater_or_equal)
            op = Operator::greater;
        else if (op == Operator::less)
            op = Operator::less_or_equal;
    }
    return column + comparison(op) + add({ParameterType::time, {}, {instant.microseconds}});
}

// The jsonb value at a path, null when there is none. Keys lead through objects only, as in a
// patch.
std::string Compiler::custom_value(const FieldRef &field) {
    std::string sql(field.field->sql);
    for (const std::string &key : field.path)
        sql += " -> " + text(key);
    return field.path.empty() ? sql : '(' + sql + ')';
}

// Containment is what the index knows. For a value without parts it is equality, too.
std::string Compiler::custom_equal(const FieldRef &field, const Json &value) {
    const std::string json = value.to_text();
    std::string sql = "(u.custom @> " + jsonb(wrapped(field.path, json));
    if (is_container(value)) {
        sql += " AND " + custom_value(field);
        sql += " = " + jsonb(json);
    }
    return sql + ')';
}

std::string Compiler::custom_in(const FieldRef &field, const Json &values) {
    std::vector<std::string> documents;
    std::vector<std::string> plain;
    for (const Json &value : values.items) {
        plain.push_back(value.to_text());
        documents.push_back(wrapped(field.path, plain.back()));
    }
    std::string sql = "(u.custom @> ANY (" + jsonbs(std::move(documents)) + ')';
    if (std::any_of(values.items.begin(), values.items.end(), is_container)) {
        sql += " AND " + custom_value(field);
        sql += " = ANY (" + jsonbs(std::move(plain)) + ')';
    }
    return sql + ')';
}

// An array that has the value among its elements.
std::string Compiler::custom_contains(const FieldRef &field, const Json &value) {
    const std::string json = value.to_text();
    std::string sql = "(u.custom @> " + jsonb(wrapped(field.path, '[' + json + ']'));
    if (is_container(value)) {
        const std::string array = custom_value(field);
        sql += " AND " + jsonb(json) + " IN (SELECT jsonb_array_elements(CASE jsonb_typeof(" +
               array + ") WHEN 'array' THEN " + array + " END))";
    }
    return sql + ')';
}

std::string Compiler::custom_condition(const Condition &c) {
    switch (c.op) {
    case Operator::equal:
        return custom_equal(c.field, c.operand);
    case Operator::not_equal:
        return '(' + custom_equal(c.field, c.operand) + " IS NOT TRUE)";
    case Operator::in:
        return custom_in(c.field, c.operand);
    case Operator::not_in:
        return '(' + custom_in(c.field, c.operand) + " IS NOT TRUE)";
    case Operator::contains:
        return custom_contains(c.field, c.operand);
    case Operator::exists:
        return existence(custom_value(c.field), c);
    case Operator::autocomplete: {
        const std::string value = custom_value(c.field);
        return "(jsonb_typeof(" + value + ") = 'string' AND (" + value + " #>> '{}') ~* " +
               text(word_prefix(c.operand.text)) + ')';
    }
    default: {
        // jsonb compares numbers as numbers and strings in the database's collation.
        const std::string value = custom_value(c.field);
        const char *type = c.operand.kind == Json::Kind::number ? "'number'" : "'string'";
        return "(jsonb_typeof(" + value + ") = " + type + " AND " + value + comparison(c.op) +
               jsonb(c.operand.to_text()) + ')';
    }
    }
}

// A null in custom data has nothing to be sorted by, like a key that is missing. A column that is
// never null goes without NULLS LAST, as the indexes do.
std::string Compiler::sort_key(const SortKey &key) {
    const bool custom = key.field.field->kind == FieldKind::custom;
    std::string sql = custom ? "nullif(" + custom_value(key.field) + ", 'null')"
                             : std::string(key.field.field->sql);
    if (key.descending)
        sql += " DESC";
    return key.field.field->nullable ? sql + " NULLS LAST" : sql;
}

// Whether the filter holds for the user with a certain id at most.
bool names_one_id(const Filter &filter) {
    if (filter.kind == Filter::Kind::all)
        return std::any_of(filter.parts.begin(), filter.parts.end(), names_one_id);
    return filter.kind == Filter::Kind::condition && filter.condition.op == Operator::equal &&
           filter.condition.field.field->name == "id";
}

} // namespace

std::string Json::to_text() const {
    std::string out;
    switch (kind) {
    case Kind::null:
        return "null";
    case Kind::boolean:
        return boolean ? "true" : "false";
    case Kind::number:
        return text;
    case Kind::string:
        append_json_string(out, text);
        return out;
    case Kind::array:
        for (const Json &item : items)
            out += (out.empty() ? "[" : ",") + item.to_text();
        return out.empty() ? "[]" : out + ']';
    default:
        for (const auto &[key, value] : members) {
            out += out.empty() ? '{' : ',';
            append_json_string(out, key);
            out += ':' + value.to_text();
        }
        return out.empty() ? "{}" : out + '}';
    }
}

CompiledQuery compile(const Page &page, const Source &source) {
    CompiledQuery compiled;
    Compiler compiler(compiled.parameters);
    const std::string where = compiler.filter(page.filter);
    std::string order;
    for (const SortKey &key : page.sort)
        order += (order.empty() ? "" : ", ") + compiler.sort_key(key);
    compiled.sql = "SELECT " + std::string(source.columns) + "\nFROM " +
                   std::string(source.tables) + "\nWHERE " + where;
    compiled.sql.append(source.conditions).append("\nORDER BY ").append(order);
    compiled.sql.append(source.order).append("\nLIMIT ").append(compiler.integer(page.limit));
    compiled.sql.append(" OFFSET ").append(compiler.integer(page.offset));
    return compiled;
}

CompiledQuery compile(const UserQuery &query, std::string_view columns) {
    std::string conditions;
    if (!query.include_deactivated)
        conditions += "\n  AND u.deactivated_at IS NULL";
    if (!query.include_deleted)
        conditions += "\n  AND u.deleted_at IS NULL";
    const bool by_id = std::any_of(query.sort.begin(), query.sort.end(), [](const SortKey &key) {
        return key.field.field->name == "id";
    });
    CompiledQuery compiled =
        compile(Page{query.filter, query.sort, query.limit, query.offset},
                Source{columns, "stream.users AS u", conditions, by_id ? "" : ", u.id"});
    compiled.of_one_id = names_one_id(query.filter);
    return compiled;
}

} // namespace stream::users
