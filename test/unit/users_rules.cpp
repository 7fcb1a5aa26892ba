#include "users/rules.hpp"

#include <string>

#include <gtest/gtest.h>

using namespace stream::users;

TEST(UserIds, AreOneTo255OfTheAllowedCharacters) {
    EXPECT_TRUE(is_user_id("a"));
    EXPECT_TRUE(is_user_id("AZaz09@_-"));
    EXPECT_TRUE(is_user_id(std::string(255, 'x')));
    EXPECT_FALSE(is_user_id(std::string(256, 'x')));
    EXPECT_FALSE(is_user_id(""));
}

TEST(UserIds, RefuseEveryOtherByte) {
    const std::string allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@_-";
    for (int byte = 0; byte < 256; byte++) {
        const std::string id = "a" + std::string(1, static_cast<char>(byte));
        EXPECT_EQ(is_user_id(id), allowed.find(id[1]) != std::string::npos) << "byte " << byte;
    }
}

TEST(RoleNames, AreOneTo64OfTheAllowedCharacters) {
    EXPECT_TRUE(is_role_name("channel_moderator"));
    EXPECT_TRUE(is_role_name(std::string(64, 'x')));
    EXPECT_FALSE(is_role_name(std::string(65, 'x')));
    EXPECT_FALSE(is_role_name(""));
    EXPECT_FALSE(is_role_name("two words"));
}

TEST(Languages, AreEmptyOrAnIsoCodeWithAnOptionalRegion) {
    for (const char *language : {"", "en", "aa", "zu", "fr-CA", "es-419"})
        EXPECT_TRUE(is_language(language)) << language;
    for (const char *language :
         {"e", "EN", "eN", "xx", "a ", " a", "eng", "english", "en-", "en_US", "en-us", "en-U",
          "en-USA", "en-41", "xx-US", "en-US-x", "1n"})
        EXPECT_FALSE(is_language(language)) << language;
}
