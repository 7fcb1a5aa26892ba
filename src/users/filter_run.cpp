#include "users/filter_run.hpp"

#include "pg/array.hpp"

#include <map>

namespace stream::users {

namespace {

std::string digits_of(const pg::JsonValue &value) {
    const Datum number = NumericGetDatum(value.number());
    return pg::guard(
        [number]() noexcept { return DatumGetCString(DirectFunctionCall1(numeric_out, number)); });
}

// The tree of a value at that depth of the request's member key.
Json tree_of(const pg::JsonValue &value, int depth, std::string_view key) {
    if (depth > max_nesting)
        throw bad_input("the query is nested more than " + std::to_string(max_nesting) +
                        " levels deep")
            .at(std::string(key));
    Json json;
    if (value.is_object()) {
        json.kind = Json::Kind::object;
        for (const pg::JsonMember member : value.object())
            json.members.emplace_back(
                member.key, tree_of(member.value, depth + 1, depth == 0 ? member.key : key));
    } else if (value.is_array()) {
        json.kind = Json::Kind::array;
        for (const pg::JsonValue item : value.array())
            json.items.push_back(tree_of(item, depth + 1, key));
    } else if (value.is_string()) {
        json.kind = Json::Kind::string;
        json.text = value.string();
    } else if (value.is_number()) {
        json.kind = Json::Kind::number;
        json.text = digits_of(value);
    } else if (value.is_boolean()) {
        json.kind = Json::Kind::boolean;
        json.boolean = value.boolean();
    }
    return json;
}

Datum jsonb_of(const std::string &text) {
    return pg::guard([&text]() noexcept {
        return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.c_str()));
    });
}

TimestampTz timestamp_of(std::int64_t unix_microseconds) {
    constexpr int64 epoch = int64{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * USECS_PER_DAY;
    return unix_microseconds - epoch;
}

pg::Param jsonb_array(const std::vector<std::string> &texts) {
    pg::ArrayBuilder array(JSONBOID);
    for (const std::string &text : texts) {
        const Datum value = jsonb_of(text);
        array.add({VARDATA(DatumGetPointer(value)), VARSIZE(DatumGetPointer(value)) - VARHDRSZ});
    }
    return pg::Param::datum(array.datum());
}

pg::Param time_array(const std::vector<std::int64_t> &times) {
    pg::Vec<Datum> values;
    for (const std::int64_t time : times)
        values.push_back(TimestampTzGetDatum(timestamp_of(time)));
    return pg::Param::datum(pg::guard([&values]() noexcept {
        return PointerGetDatum(construct_array(values.data(), static_cast<int>(values.size()),
                                               TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL,
                                               TYPALIGN_DOUBLE));
    }));
}

// What the statement runs with: types and values of its parameters.
struct Arguments {
    std::vector<Oid> types;
    pg::Params values;

    void add(Oid type, pg::Param value) {
        types.push_back(type);
        values.push_back(value);
    }
    void add(const Parameter &p);
};

void Arguments::add(const Parameter &p) {
    switch (p.type) {
    case ParameterType::text:
        return add(TEXTOID, p.texts.front());
    case ParameterType::text_array:
        return add(TEXTARRAYOID, pg::Param::datum(pg::text_array(p.texts)));
    case ParameterType::jsonb:
        return add(JSONBOID, pg::Param::datum(jsonb_of(p.texts.front())));
    case ParameterType::jsonb_array:
        return add(JSONBARRAYOID, jsonb_array(p.texts));
    case ParameterType::time:
        return add(TIMESTAMPTZOID, int64{timestamp_of(p.numbers.front())});
    case ParameterType::time_array:
        return add(TIMESTAMPTZARRAYOID, time_array(p.numbers));
    case ParameterType::integer:
        return add(INT8OID, int64{p.numbers.front()});
    }
}

// Statements of queries that came before. An application's queries have few shapes, so those of the
// first that a session sees are kept; the number and length of them bound the memory they take.
constexpr std::size_t statements_kept = 100;
constexpr std::size_t longest_kept = 4000;

// The kept statement of a query; nullptr when it is not to be kept.
pg::Statement *kept(const CompiledQuery &query, const std::vector<Oid> &types) {
    static std::map<std::pair<std::string, std::vector<Oid>>, pg::Statement> statements;
    const auto found = statements.find({query.sql, types});
    if (found != statements.end())
        return &found->second;
    if (statements.size() == statements_kept || query.sql.size() > longest_kept)
        return nullptr;
    const auto planning = query.of_one_id ? pg::Planning::once : pg::Planning::each_time;
    return &statements.try_emplace({query.sql, types}, pg::Statement(query.sql, types, planning))
                .first->second;
}

} // namespace

pg::Rows run(const CompiledQuery &query) {
    Arguments arguments;
    for (const Parameter &parameter : query.parameters)
        arguments.add(parameter);
    if (pg::Statement *statement = kept(query, arguments.types))
        return statement->run(arguments.values);
    return pg::run_once(query.sql, arguments.types, arguments.values);
}

Json query_argument(const pg::Call &call, int arg) {
    if (const Jsonb *request = call.jsonb(arg))
        return tree_of(pg::JsonValue(request), 0, {});
    Json query;
    query.kind = Json::Kind::object;
    return query;
}

} // namespace stream::users
