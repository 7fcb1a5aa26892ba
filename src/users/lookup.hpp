#pragma once
// Users looked up by id, without locking them.

#include "users/record.hpp"

namespace stream::users {

// Of a row u of stream.users the record, and in the column after it how the user was deleted, null
// when it was not.
std::string columns_to_see();

// A row of stream.users that is being looked at.
struct Seen {
    UserRecord user;
    std::optional<std::string_view> deleted_mode; // of a user that is deleted
    ItemPointerData place;
};

// Looks count users up, whose ids are told by their positions; sorted, and no two the same. Calls
// see with each that is there, in their order. What see is given, and what it allocates, is gone
// afterwards.
void look_up(std::size_t count, const std::function<std::string_view(std::size_t)> &id,
             const std::function<void(std::size_t, const Seen &)> &see);

} // namespace stream::users
