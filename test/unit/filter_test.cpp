// The compiler of stream_query_users: requests to statements, and what is refused.

#include "json.hpp"

#include <gtest/gtest.h>

namespace stream::users {

namespace {

Json filtered(Json filter) {
    return object({{"filter_conditions", std::move(filter)}});
}

CompiledQuery compiled(const Json &request) {
    return compile(parse_query(request), "u.id");
}

// What stands between WHERE and the conditions that every query has.
std::string where(const Json &filter) {
    const std::string sql = compiled(filtered(filter)).sql;
    const std::size_t begin = sql.find("WHERE ") + 6;
    return sql.substr(begin, sql.find("\n  AND u.deactivated_at") - begin);
}

std::string refused_path(const Json &request) {
    try {
        parse_query(request);
    } catch (const Error &error) {
        return error.detail();
    }
    return "not refused";
}

std::string detail(const std::string &path) {
    return "{\"code\": 4, \"path\": \"" + path + "\"}";
}

TEST(Filter, AnEmptyQueryReadsTheNewestUsersThatAreActive) {
    EXPECT_EQ(compiled(object({})).sql, "SELECT u.id\n"
                                        "FROM stream.users AS u\n"
                                        "WHERE true\n"
                                        "  AND u.deactivated_at IS NULL\n"
                                        "  AND u.deleted_at IS NULL\n"
                                        "ORDER BY u.created_at DESC, u.id\n"
                                        "LIMIT $1 OFFSET $2");
}

TEST(Filter, OptionsDropTheConditionsOnDeactivatedAndDeletedUsers) {
    const std::string sql = compiled(object({{"include_deactivated_users", boolean(true)},
                                             {"include_deleted_users", boolean(true)}}))
                                .sql;
    EXPECT_EQ(sql.find("deactivated_at"), std::string::npos);
    EXPECT_EQ(sql.find("deleted_at"), std::string::npos);
}

TEST(Filter, ConditionsBecomeSqlWithParameters) {
    const struct {
        Json filter;
        const char *sql;
    } cases[] = {
        {object({{"id", text("a")}}), "(u.id = $1)"},
        {object({{"id", object({{"$gt", text("a")}, {"$lt", text("b")}})}}),
         "(u.id > $1 AND u.id < $2)"},
        {object({{"id", object({{"$nin", list({text("a")})}})}}), "(u.id <> ALL ($1))"},
        {object({{"name", object({{"$exists", boolean(false)}})}}), "(u.name IS NULL)"},
        {object({{"teams", object({{"$contains", text("red")}})}}),
         "((u.teams <> '{}' AND u.teams @> $1))"},
        {object({{"invisible", object({{"$ne", boolean(true)}})}}), "(NOT u.invisible)"},
        {object({{"custom.a.b", number("1")}}), "((u.custom @> $1))"},
        {object({{"custom.a.b", object({{"$gt", number("1")}})}}),
         "((jsonb_typeof((u.custom -> $1 -> $2)) = 'number' AND (u.custom -> $1 -> $2) > $3))"},
        {object({{"$nor", list({object({{"id", text("a")}}), object({{"id", text("b")}})})}}),
         "((((u.id = $1) OR (u.id = $2)) IS NOT TRUE))"},
    };
    for (const auto &c : cases)
        EXPECT_EQ(where(c.filter), c.sql);
}

TEST(Filter, AQueryForOneIdIsKnownAsSuch) {
    const auto of_one_id = [](const Json &filter) { return compiled(filtered(filter)).of_one_id; };
    const Json ann = object({{"id", text("ann")}});
    const Json named = object({{"name", text("Ann")}});
    EXPECT_TRUE(of_one_id(ann));
    EXPECT_TRUE(of_one_id(object({{"id", object({{"$eq", text("ann")}})}})));
    EXPECT_TRUE(of_one_id(object({{"id", text("ann")}, {"name", text("Ann")}})));
    EXPECT_TRUE(of_one_id(object({{"$and", list({named, ann})}})));
    EXPECT_FALSE(of_one_id(object({})));
    EXPECT_FALSE(of_one_id(object({{"id", object({{"$gt", text("ann")}})}})));
    EXPECT_FALSE(of_one_id(object({{"id", object({{"$in", list({text("ann")})}})}})));
    EXPECT_FALSE(of_one_id(object({{"$or", list({ann, named})}})));
    EXPECT_FALSE(of_one_id(object({{"$nor", list({ann})}})));
}

TEST(Filter, NoValueOrKeyOfTheRequestIsPartOfTheStatement) {
    const std::string evil = "'); DROP TABLE x; --";
    std::vector<Json> parts;
    for (const char *op : {"$eq", "$ne", "$gt", "$contains", "$autocomplete"})
        parts.push_back(object({{"custom." + evil, object({{op, text(evil)}})}}));
    for (const char *op : {"$in", "$nin"})
        parts.push_back(object({{evil, object({{op, list({text(evil)})}})}}));
    for (const char *field : {"id", "name", "role", "language"})
        parts.push_back(object({{field, text(evil)}}));
    Json request = filtered(object({{"$or", list(parts)}}));
    request.members.emplace_back("sort", list({object({{"field", text("custom." + evil)}})}));
    EXPECT_EQ(compiled(request).sql.find("DROP"), std::string::npos);
}

TEST(Filter, CustomDataIsLookedUpByADocumentOfItsPath) {
    const CompiledQuery query = compiled(filtered(object({{"custom.a\\.b.\"c", text("x\"y")}})));
    ASSERT_EQ(query.parameters.front().type, ParameterType::jsonb);
    EXPECT_EQ(query.parameters.front().texts.front(), R"({"a.b":{"\"c":"x\"y"}})");
}

TEST(Filter, ValuesWithPartsAreComparedWholeBesidesContainment) {
    EXPECT_EQ(where(object({{"custom.a", list({number("1")})}})),
              "((u.custom @> $1 AND (u.custom -> $2) = $3))");
}

TEST(Filter, AutocompleteTakesEveryCharacterForItself) {
    const CompiledQuery query =
        compiled(filtered(object({{"name", object({{"$autocomplete", text("a.*_b é")}})}})));
    EXPECT_EQ(query.parameters.front().texts.front(), "(^|[^[:alnum:]])a\\.\\*\\_b\\ é");
}

TEST(Filter, TimesBetweenMicrosecondsCompareExactly) {
    const auto created = [](const char *op) {
        return object({{"created_at", object({{op, number("1001")}})}});
    };
    EXPECT_EQ(where(created("$eq")), "(false)");
    EXPECT_EQ(where(created("$gt")), "(u.created_at > $1)");
    EXPECT_EQ(where(created("$gte")), "(u.created_at > $1)");
    EXPECT_EQ(where(created("$lt")), "(u.created_at <= $1)");
    EXPECT_EQ(where(created("$lte")), "(u.created_at <= $1)");
    EXPECT_EQ(compiled(filtered(created("$gt"))).parameters.front().numbers.front(), 1);
}

TEST(Filter, SortKeysEndWithTheIdAndPutMissingValuesLast) {
    const auto order = [](std::vector<Json> keys) {
        const std::string sql = compiled(object({{"sort", list(std::move(keys))}})).sql;
        const std::size_t begin = sql.find("ORDER BY ") + 9;
        return sql.substr(begin, sql.find("\nLIMIT") - begin);
    };
    EXPECT_EQ(order({object({{"field", text("name")}, {"direction", number("-1")}})}),
              "u.name DESC NULLS LAST, u.id");
    EXPECT_EQ(order({object({{"field", text("id")}, {"direction", number("1")}})}), "u.id");
    EXPECT_EQ(order({object({{"field", text("a.b")}})}),
              "nullif((u.custom -> $1 -> $2), 'null') NULLS LAST, u.id");
}

TEST(Filter, MisuseIsRefusedByItsPath) {
    const struct {
        Json request;
        const char *path;
    } cases[] = {
        {filtered(object({{"role", object({{"$foo", text("x")}})}})),
         "filter_conditions.role.$foo"},
        {filtered(object({{"$and", list({object({}), object({{"id", number("1")}})})}})),
         "filter_conditions.$and[1].id"},
        {filtered(object({{"id", object({{"$in", list({text("a"), Json()})}})}})),
         "filter_conditions.id.$in[1]"},
        {filtered(object({{"devices", list({})}})), "filter_conditions.devices"},
        {object({{"sort", list({object({{"field", text("id")}, {"direction", number("0")}})})}}),
         "sort[0].direction"},
        {object({{"limit", number("101")}}), "limit"},
        {object({{"limit", number("99999999999999999999999999")}}), "limit"},
        {object({{"offset", number("-1")}}), "offset"},
    };
    for (const auto &c : cases)
        EXPECT_EQ(refused_path(c.request), detail(c.path));
}

TEST(Instant, Rfc3339IsReadToTheMicrosecond) {
    const struct {
        const char *text;
        std::int64_t microseconds;
        bool exact;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, true},
        {"1970-01-01t00:00:00.5z", 500000, true},
        {"1970-01-01T01:30:00+01:30", 0, true},
        {"1969-12-31T23:59:59-00:00", -1000000, true},
        {"1970-01-01T00:00:00.0000019Z", 1, false},
        {"1970-01-01T00:00:00.000001000Z", 1, true},
        {"2000-02-29T00:00:00Z", 951782400000000, true},
        {"2024-03-01T12:34:56.789-02:00", 1709303696789000, true},
        {"2016-12-31T23:59:60Z", 1483228800000000, true},
        {"0000-01-01T00:00:00Z", -62167219200000000, true},
        {"9999-12-31T23:59:59Z", 253402300799000000, true},
    };
    for (const auto &c : cases) {
        Instant instant;
        ASSERT_TRUE(parse_rfc3339(c.text, instant)) << c.text;
        EXPECT_EQ(instant.microseconds, c.microseconds) << c.text;
        EXPECT_EQ(instant.exact, c.exact) << c.text;
    }
}

TEST(Instant, WhatIsNotRfc3339IsNoTime) {
    for (const char *text :
         {"", "2024", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00Z",
          "2024-1-01T00:00:00Z", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z",
          "1900-02-29T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z",
          "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00.Z",
          "2024-01-01T00:00:00+0100", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00Z ",
          "+024-01-01T00:00:00Z"}) {
        Instant instant;
        EXPECT_FALSE(parse_rfc3339(text, instant)) << text;
    }
}

TEST(Instant, NanosecondsAreCutToTheMicrosecondBefore) {
    const struct {
        const char *digits;
        std::int64_t microseconds;
        bool exact;
    } cases[] = {
        {"0", 0, true},        {"1000", 1, true},
        {"1999", 1, false},    {"-1", -1, false},
        {"-1000", -1, true},   {"-1001", -2, false},
        {"2000.000", 2, true}, {"9223372036854775807", 9223372036854775, false},
    };
    for (const auto &c : cases) {
        Instant instant;
        ASSERT_TRUE(parse_nanoseconds(c.digits, instant)) << c.digits;
        EXPECT_EQ(instant.microseconds, c.microseconds) << c.digits;
        EXPECT_EQ(instant.exact, c.exact) << c.digits;
    }
    Instant instant;
    for (const char *digits : {"", "-", "1.5", "1e3", "9223372036854775808"})
        EXPECT_FALSE(parse_nanoseconds(digits, instant)) << digits;
}

} // namespace

} // namespace stream::users
