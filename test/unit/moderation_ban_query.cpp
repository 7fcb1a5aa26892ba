// The compiler of stream_query_banned_users: requests to statements.

#include "json.hpp"
#include "moderation/ban_query.hpp"

#include <gtest/gtest.h>

namespace stream::moderation {

namespace {

using users::boolean;
using users::CompiledQuery;
using users::Json;
using users::object;
using users::text;

CompiledQuery filtered(Json filter) {
    return compile_ban_query(object({{"filter_conditions", std::move(filter)}}), "b.reason");
}

// What stands between WHERE and ORDER BY.
std::string where(const CompiledQuery &query) {
    const std::size_t begin = query.sql.find("WHERE ") + 6;
    return query.sql.substr(begin, query.sql.find("\nORDER BY") - begin);
}

TEST(BanQuery, AnEmptyRequestAsksForTheNewestBans) {
    const CompiledQuery query = compile_ban_query(object({}), "b.reason");
    EXPECT_EQ(query.sql,
              "SELECT b.reason\nFROM stream.bans AS b LEFT JOIN stream.channels AS c ON c.cid = "
              "b.channel_cid\nWHERE true\nORDER BY b.created_at DESC, b.target_user_id, "
              "b.channel_cid\nLIMIT $1 OFFSET $2");
    ASSERT_EQ(query.parameters.size(), 2U);
    EXPECT_EQ(query.parameters[0].numbers, std::vector<std::int64_t>{30});
}

TEST(BanQuery, ValuesAreParametersAndNeverPartOfTheStatement) {
    const std::string hostile = "x' OR true; --";
    for (const char *field : {"user_id", "banned_by_id", "channel_cid", "reason"}) {
        const CompiledQuery query = filtered(object({{field, text(hostile)}}));
        EXPECT_EQ(query.sql.find(hostile), std::string::npos) << field;
        EXPECT_EQ(query.parameters[0].texts, std::vector<std::string>{hostile}) << field;
    }
}

TEST(BanQuery, AChannelIsComparedWithTheColumnItself) {
    EXPECT_EQ(where(filtered(object({{"channel_cid", text("team:1")}}))), "((b.channel_cid = $1))");
}

TEST(BanQuery, ABanFromTheApplicationHasNoChannel) {
    const auto exists = [](bool there) {
        return filtered(object({{"channel_cid", object({{"$exists", boolean(there)}})}}));
    };
    EXPECT_EQ(where(exists(true)), "((b.channel_cid > $1))");
    EXPECT_EQ(where(exists(false)), "((b.channel_cid = $1))");
    EXPECT_EQ(exists(false).parameters[0].texts, std::vector<std::string>{""});
}

TEST(BanQuery, RunOutBansCanBeLeftOut) {
    const CompiledQuery query =
        compile_ban_query(object({{"exclude_expired_bans", boolean(true)}}), "b.reason");
    EXPECT_EQ(where(query), "true\n  AND (b.expires IS NULL OR b.expires > statement_timestamp())");
}

TEST(BanQuery, CustomDataIsNoFieldOfABan) {
    try {
        filtered(object({{"custom.a", text("x")}}));
        FAIL() << "not refused";
    } catch (const Error &error) {
        EXPECT_EQ(error.detail(), "{\"code\": 4, \"path\": \"filter_conditions.custom.a\"}");
    }
}

} // namespace

} // namespace stream::moderation
