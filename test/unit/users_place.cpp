#include "users/place.hpp"

#include <gtest/gtest.h>

using namespace stream::users;

TEST(Places, NameAnEntryOfAListByItsPosition) {
    EXPECT_EQ(Place::entry(17).path("role"), "users[17].role");
    EXPECT_EQ(Place::entry(0).path("teams[1]"), "users[0].teams[1]");
    EXPECT_EQ(Place::entry(3).path(), "users[3]");
}

TEST(Places, NameAnEntryOfAMapByItsKey) {
    EXPECT_EQ(Place::under("bob").path("role"), "users.bob.role");
    EXPECT_EQ(Place::under("bob").path(), "users.bob");
}

TEST(Places, NameNothingAroundABareObject) {
    EXPECT_EQ(Place::bare().path("role"), "role");
    EXPECT_EQ(Place::bare().path(), "");
}

TEST(Places, NameThePartOfAPatch) {
    EXPECT_EQ(Place::entry(2).set().path("custom.a.b"), "users[2].set.custom.a.b");
    EXPECT_EQ(Place::entry(2).unset(1).path("anything"), "users[2].unset[1]");
    EXPECT_EQ(Place::bare().set().path("name"), "set.name");
    EXPECT_EQ(Place::bare().unset(0).path(), "unset[0]");
}

TEST(Places, RefuseWithCodePathAndId) {
    const stream::Error error = Place::entry(1).refuse("no", "role", "bob");
    EXPECT_EQ(error.sqlstate(), "ST004");
    EXPECT_EQ(error.detail(), R"({"code": 4, "path": "users[1].role", "id": "bob"})");
}
