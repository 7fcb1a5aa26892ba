#pragma once
// Whether a user may connect and act: it exists, is neither deleted, deactivated nor banned from
// the whole app, and its token is not one of those that were revoked.

#include "pg/spi.hpp"

namespace stream::access {

// Throws why user id may not: unknown (code 16), deleted, deactivated or banned (17), a token
// issued before the user's tokens were revoked, or at an unknown time, which could be before that
// (40). Writes nothing.
enum class State { as_the_caller_sees_it, as_committed_by_now };
void require_admission(std::string_view id, std::optional<TimestampTz> token_issued_at,
                       State state);

// Whether user id is sure to be admitted, whatever its token, as the caller sees it. Asks no
// statement, so when it says no one has to be asked.
bool is_sure_of_admission(std::string_view id);

// A time that may be left out.
std::optional<TimestampTz> time_argument(const pg::Call &call, int arg);

} // namespace stream::access
