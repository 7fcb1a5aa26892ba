#pragma once
// Where the PostgreSQL-free compiler of queries meets PostgreSQL.

#include "pg/spi.hpp"
#include "users/filter.hpp"

namespace stream::users {

// A query of a request as the compiler takes it; null is the empty one. Refuses one that is nested
// too deep (code 4).
Json query_argument(const pg::Call &call, int arg);

// Runs a compiled query, its values going in as parameters.
pg::Rows run(const CompiledQuery &query);

} // namespace stream::users
