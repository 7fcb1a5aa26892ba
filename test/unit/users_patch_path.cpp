#include "users/patch_path.hpp"

#include <gtest/gtest.h>

using namespace stream::users;

namespace {

using Steps = std::vector<std::string_view>;

PatchPath parse(std::string_view text) {
    return parse_patch_path(text, Place::entry(4).set(), "bob");
}

// The DETAIL of the refusal, empty when there was none.
std::string refusal(std::string_view text) {
    try {
        parse(text);
        return "";
    } catch (const stream::Error &error) {
        return error.detail();
    }
}

} // namespace

TEST(PatchPaths, NameAField) {
    EXPECT_EQ(parse("name").field, Field::name);
    EXPECT_EQ(parse("name").steps, Steps{});
    EXPECT_EQ(parse("custom").steps, Steps{});
}

TEST(PatchPaths, ReachIntoObjects) {
    EXPECT_EQ(parse("custom.a.b.c").field, Field::custom);
    EXPECT_EQ(parse("custom.a.b.c").steps, (Steps{"a", "b", "c"}));
    EXPECT_EQ(parse("teams_role.red").steps, Steps{"red"});
    EXPECT_EQ(parse("privacy_settings.read_receipts.enabled").steps,
              (Steps{"read_receipts", "enabled"}));
}

TEST(PatchPaths, MeanCustomWhereTheNameIsNoField) {
    EXPECT_EQ(parse("city").field, Field::custom);
    EXPECT_EQ(parse("city").steps, Steps{"city"});
    EXPECT_EQ(parse("address.city").steps, (Steps{"address", "city"}));
    EXPECT_EQ(parse("custom.role").steps, Steps{"role"});
}

TEST(PatchPaths, RefuseWhatCallersCantSet) {
    for (const char *name :
         {"id", "created_at", "updated_at", "banned", "online", "devices", "deleted_at", "mutes",
          "push_notifications", "unread_count", "revoke_tokens_issued_before"})
        EXPECT_EQ(refusal(name), R"({"code": 4, "path": "users[4].set.)" + std::string(name) +
                                     R"(", "id": "bob"})");
    EXPECT_NE(refusal("id.x"), "");
    EXPECT_NE(refusal("push_notifications.disabled"), "");
}

TEST(PatchPaths, RefuseToReachIntoWhatHasNoInside) {
    for (const char *path : {"name.x", "role.x", "teams.0", "language.x", "invisible.x", "image.x",
                             "teams_role.red.x", "privacy_settings.read_receipts.enabled.x"})
        EXPECT_NE(refusal(path), "") << path;
}

TEST(PatchPaths, RefuseEmptySteps) {
    for (const char *path : {"", ".", ".a", "a.", "a..b", "custom.", "custom..a"})
        EXPECT_NE(refusal(path), "") << path;
}

TEST(PatchPaths, CoverThemselvesAndWhatLiesInside) {
    EXPECT_TRUE(covers(parse("custom.a"), parse("a")));
    EXPECT_TRUE(covers(parse("custom"), parse("a.b")));
    EXPECT_TRUE(covers(parse("a"), parse("custom.a.b")));
    EXPECT_FALSE(covers(parse("a.b"), parse("a")));
    EXPECT_FALSE(covers(parse("a"), parse("ab")));
    EXPECT_FALSE(covers(parse("name"), parse("custom.name")));
}

TEST(PatchPaths, SortOuterBeforeInnerAndKeysAsJsonbDoes) {
    EXPECT_TRUE(path_less(parse("custom"), parse("a")));
    EXPECT_TRUE(path_less(parse("a"), parse("a.b")));
    EXPECT_TRUE(path_less(parse("a.b"), parse("b")));
    EXPECT_TRUE(path_less(parse("b"), parse("aa"))); // the shorter key first
    EXPECT_FALSE(path_less(parse("a"), parse("custom.a")));
}
