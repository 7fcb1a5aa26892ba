#pragma once
// Roles as user objects name them.

#include "pg/memory.hpp"
#include "pg/spi.hpp"

namespace stream::users {

// The roles that exist. Loading them locks stream.roles against stream_delete_role until the
// transaction ends, so that a role found here still exists when the user is written.
class Roles {
public:
    Roles();
    bool contains(std::string_view name) const;

private:
    pg::Rows rows_;
    pg::Vec<std::string_view> names_; // sorted
};

} // namespace stream::users
