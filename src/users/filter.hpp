#pragma once
// What stream_query_users understands: the request as JSON becomes a UserQuery (parse_query, which
// refuses every misuse by its path), and a UserQuery becomes one parameterised SQL statement
// (compile).
//
//   filter    = { entry, … }                        all entries hold
//   entry     = "$and" | "$or" | "$nor" : [ filter, … ]
//             | field : value                       the same as { "$eq": value }
//             | field : { operator: operand, … }    all of them hold
//   field     = a column's name | "custom" { "." key } | key { "." key }
//
// A key of custom data is any string: `\.` stands for a dot inside a key, `\\` for a backslash.

#include "pg/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stream::users {

// A JSON value as a tree. Numbers keep their digits.
struct Json {
    enum class Kind { null, boolean, number, string, array, object };

    Kind kind = Kind::null;
    bool boolean = false;
    std::string text; // of a string; of a number, its digits
    std::vector<Json> items;
    std::vector<std::pair<std::string, Json>> members;

    // The same value as JSON text.
    std::string to_text() const;
};

// Values nested deeper than this are refused, so that nothing here can run out of stack.
constexpr int max_nesting = 100;

// More conditions than this are refused: the planner's time grows faster than their number.
constexpr std::size_t max_conditions = 1000;

enum class Operator {
    equal,
    not_equal,
    in,
    not_in,
    contains,
    greater,
    greater_or_equal,
    less,
    less_or_equal,
    exists,
    autocomplete,
};

enum class FieldKind { text, teams, flag, time, custom };

// A field that filters and sorting know; there is one of each, in the table of filter.cpp.
struct FilterField {
    std::string_view name;
    FieldKind kind;
    std::string_view sql; // the value, for a row u of stream.users
    bool nullable;
    unsigned operators; // those it has: bits 1 << Operator

    bool has(Operator op) const { return (operators >> static_cast<unsigned>(op) & 1U) != 0; }
};

// The fields of one kind of rows. A name that is none of them means a path of the field custom,
// where there is one.
struct Vocabulary {
    const FilterField *first;
    const FilterField *last; // one past it
    const FilterField *custom = nullptr;
};

struct FieldRef {
    const FilterField *field = nullptr;
    std::vector<std::string> path; // of custom data: the keys from custom inwards
};

// A point in time: the last whole microsecond since the Unix epoch, and whether it is that exactly.
struct Instant {
    std::int64_t microseconds = 0;
    bool exact = true;
};

// A date and time of RFC 3339. Returns false when text is not one.
bool parse_rfc3339(std::string_view text, Instant &instant);
// An integer of nanoseconds since the Unix epoch. Returns false when digits are not one.
bool parse_nanoseconds(std::string_view digits, Instant &instant);

struct Condition {
    FieldRef field;
    Operator op = Operator::equal;
    Json operand;
    std::vector<Instant> instants; // of a time: the operand, or its elements
};

struct Filter {
    enum class Kind { all, any, none, condition };

    Kind kind = Kind::all;
    std::vector<Filter> parts; // all of no parts holds
    Condition condition;
};

struct SortKey {
    FieldRef field;
    bool descending = false;
};

struct UserQuery {
    Filter filter;
    std::vector<SortKey> sort; // never empty
    std::int64_t limit = 30;
    std::int64_t offset = 0;
    bool include_deactivated = false;
    bool include_deleted = false;
};

// The query in a request. Throws Error (code 4) with the path of what is wrong.
UserQuery parse_query(const Json &request);

// Parts of it that other queries have too; path is where the value stands in the request.
Filter parse_filter_conditions(const Json &value, const std::string &path, const Vocabulary &known);
std::vector<SortKey> parse_sort(const Json &value, const std::string &path,
                                const Vocabulary &known);
// An integer from 0 to max.
std::int64_t parse_count(const Json &value, std::int64_t max, const std::string &path);
bool parse_flag(const Json &value, const std::string &path);
// A condition that did not come as one; path is what a refusal of the operand names.
Filter make_condition(const FieldRef &field, Operator op, Json operand, const std::string &path);

// The type of a statement's parameter.
enum class ParameterType { text, text_array, jsonb, jsonb_array, time, time_array, integer };

struct Parameter {
    ParameterType type;
    std::vector<std::string> texts;    // of text and jsonb: one, or the array's elements
    std::vector<std::int64_t> numbers; // of times (microseconds since the Unix epoch) and integers
};

struct CompiledQuery {
    std::string sql;
    std::vector<Parameter> parameters; // $1 is the first
    bool of_one_id = false;            // finds one user at most, by its id
};

// The statement that returns the users of a query: columns is its SELECT list, for a row u of
// stream.users. No value of the request is part of the text.
CompiledQuery compile(const UserQuery &query, std::string_view columns);

// A page of rows: what of them, in which order, and from which tables.
struct Page {
    const Filter &filter;
    const std::vector<SortKey> &sort;
    std::int64_t limit;
    std::int64_t offset;
};
struct Source {
    std::string_view columns;    // SELECT list
    std::string_view tables;     // of FROM
    std::string_view conditions; // " AND …", or nothing
    std::string_view order;      // ", …": what makes the order whole, or nothing
};
CompiledQuery compile(const Page &page, const Source &source);

} // namespace stream::users
