#pragma once
// What ids, role names and languages may look like. PostgreSQL-free.

#include <cstddef>
#include <string_view>

namespace stream::users {

constexpr std::size_t max_id_length = 255;
constexpr std::size_t max_role_length = 64;
constexpr std::size_t max_teams = 250;

// 1 to 255 of A–Z a–z 0–9 @ _ -
bool is_user_id(std::string_view id);

// 1 to 64 of A–Z a–z 0–9 @ _ -
bool is_role_name(std::string_view name);

// Empty, or an ISO 639-1 code with an optional region: en, fr-CA, es-419.
bool is_language(std::string_view language);

} // namespace stream::users
