#pragma once
// The users that a response of moderation shows.

#include "users/record.hpp"

namespace stream::moderation {

// Users in short form, loaded for a whole response at once.
class People {
public:
    explicit People(const pg::Vec<std::string_view> &ids);

    // Writes the user, deleted or not, as the next value of w. Of one who is not in stream.users
    // the id is known.
    void write(pg::JsonbWriter &w, std::string_view id) const;

private:
    pg::Rows rows_;
    pg::Vec<users::UserRecord> users_; // in the order of ids
    users::UserWriter writer_;
};

} // namespace stream::moderation
