#pragma once
// PostgreSQL-free: the order in which jsonb keeps an object's keys.

#include <string_view>

namespace stream::pg {

// By length, then by bytes.
constexpr bool key_less(std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
}

} // namespace stream::pg
