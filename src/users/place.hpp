#pragma once
// Where a user object stands in a request, for the paths that errors name. PostgreSQL-free.

#include <cstddef>
#include <string>
#include <string_view>

#include "pg/error.hpp"

namespace stream::users {

// Cheap to copy; text is made only when an error needs it. Views point into the request.
class Place {
public:
    // The request is the object itself: role.
    static Place bare() { return Place(Kind::bare); }
    // An entry of a list, counted from 0: users[17].role.
    static Place entry(std::size_t index);
    // An entry of a map: users.bob.role.
    static Place under(std::string_view key);

    // Of a patch, what its set holds: users[17].set.role.
    Place set() const;
    // Of a patch, an entry of its unset: users[17].unset[2], whatever is said to lie inside.
    Place unset(std::size_t index) const;

    // The path of what lies inside, e.g. "teams[1]"; of the object itself when that is empty.
    std::string path(std::string_view inside = {}) const;

    // Bad input at that path, concerning the user with that id (left out when empty).
    Error refuse(std::string reason, std::string_view inside, std::string_view id) const;

private:
    enum class Kind { bare, entry, under };
    enum class Part { whole, set, unset };
    explicit Place(Kind kind) : kind_(kind) {}

    Kind kind_;
    Part part_ = Part::whole;
    std::size_t index_ = 0;
    std::size_t unset_index_ = 0;
    std::string_view key_;
};

} // namespace stream::users
