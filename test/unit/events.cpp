#include "events/event.hpp"
#include "events/position.hpp"

#include <cstdint>

#include <gtest/gtest.h>

using namespace stream::events;

TEST(Positions, AreReadBackAsTheyWereWritten) {
    for (const auto &[seq, event] :
         {std::pair<std::int64_t, std::int64_t>{0, 0}, {1042, 17}, {INT64_MAX, INT64_MAX}}) {
        const auto position = parse_position(Position{seq, event}.text());
        ASSERT_TRUE(position.has_value());
        EXPECT_EQ(position->seq, seq);
        EXPECT_EQ(position->event, event);
    }
    EXPECT_EQ((Position{1042, 17}.text()), "1042.17");
}

TEST(Positions, AreTwoNumbersAndNothingElse) {
    for (const char *text : {"", ".", "1", "1.", ".1", "1.x", "x.1", "-1.1", "1.-1", "+1.1", " 1.1",
                             "1.1 ", "1.1.1", "0x1.1", "9223372036854775808.1"})
        EXPECT_FALSE(parse_position(text).has_value()) << text;
}

TEST(Positions, AreOrderedByRowAndThenByEvent) {
    EXPECT_TRUE((Position{1, 9} < Position{2, 1}));
    EXPECT_TRUE((Position{2, 1} < Position{2, 2}));
    EXPECT_FALSE((Position{2, 2} < Position{2, 2}));
    EXPECT_FALSE((Position{3, 1} < Position{2, 2}));
}

TEST(Notifications, SayTypeCountAndUsers) {
    EXPECT_EQ(notification({Type::user_updated}, 2, {"ann", "bob"}),
              R"({"type":"user.updated","count":2,"user_ids":["ann","bob"]})");
    EXPECT_EQ(notification({Type::user_deleted, "t", {}, {}, "hard"}, 1, {"ann"}),
              R"({"type":"user.deleted","count":1,"user_ids":["ann"],"task_id":"t",)"
              R"("user_mode":"hard"})");
}

TEST(Notifications, SayOfManyUsersOnlyHowMany) {
    const std::vector<std::string_view> ten(10, "u");
    EXPECT_NE(notification({Type::user_updated}, 10, ten).find("user_ids"), std::string::npos);
    EXPECT_EQ(notification({Type::user_updated}, 11, {}), R"({"type":"user.updated","count":11})");
}

TEST(Notifications, OfTasksSayWhichAndWhy) {
    EXPECT_EQ(notification({Type::task_completed, "t", "delete_users"}, 0, {}),
              R"({"type":"task.completed","task_id":"t","kind":"delete_users"})");
    EXPECT_EQ(notification({Type::task_failed, "t", "delete_users", "XX000"}, 0, {}),
              R"({"type":"task.failed","task_id":"t","kind":"delete_users","error_type":"XX000"})");
}

TEST(Notifications, AreFarSmallerThanPostgreSQLAllows) {
    const std::string id(255, 'x');
    const std::string uuid(36, 'x');
    EXPECT_LT(notification({Type::user_deleted, uuid, {}, {}, "pruning"}, 10,
                           std::vector<std::string_view>(10, id))
                  .size(),
              3000U);
}

TEST(Types, AreNamedAsTheApiNamesThem) {
    EXPECT_STREQ(type_name(Type::user_deactivated), "user.deactivated");
    EXPECT_STREQ(type_name(Type::user_reactivated), "user.reactivated");
    EXPECT_STREQ(type_name(Type::user_restored), "user.restored");
    EXPECT_STREQ(type_name(Type::task_cancelled), "task.cancelled");
}
