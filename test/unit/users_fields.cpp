#include "users/fields.hpp"

#include <string>

#include <gtest/gtest.h>

using namespace stream::users;

TEST(Fields, AreFoundByTheirNames) {
    for (std::size_t i = 0; i < field_count; i++) {
        const auto field = static_cast<Field>(i);
        EXPECT_EQ(find_field(name_of(field)), field) << name_of(field);
    }
}

TEST(Fields, AreNotFoundByOtherNames) {
    for (const char *name : {"", "i", "idx", "Role", "nam", "namex", "zzzz",
                             "revoke_tokens_issued_beforf", "a name longer than any field's name"})
        EXPECT_FALSE(find_field(name).has_value()) << name;
}

TEST(Fields, ThatCallersSetAreThoseOfTheContract) {
    std::string settable;
    for (std::size_t i = 0; i < field_count; i++)
        if (is_settable(static_cast<Field>(i)))
            settable += std::string(name_of(static_cast<Field>(i))) + ' ';
    EXPECT_EQ(settable,
              "name role image teams custom language invisible teams_role privacy_settings ");
}
