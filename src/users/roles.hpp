#pragma once
// Roles as user objects name them.

#include "pg/memory.hpp"
#include "pg/spi.hpp"

namespace stream::users {

// The roles that exist, loaded when one is first asked for. Loading them locks stream.roles against
// stream_delete_role until the transaction ends, so that a role found here still exists when the
// user is written.
class Roles {
public:
    bool contains(std::string_view name) const;

private:
    void load() const;

    mutable std::optional<pg::Rows> rows_;
    mutable pg::Vec<std::string_view> names_; // sorted
};

} // namespace stream::users
