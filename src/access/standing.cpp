#include "access/standing.hpp"

#include "pg/key_lookup.hpp"

namespace stream::access {

namespace {

// A shadow ban shuts nobody out, nor does one from a single channel.
pg::Statement standing(R"(
    SELECT u.deleted_at IS NOT NULL, u.deactivated_at IS NOT NULL, u.revoke_tokens_issued_before,
           EXISTS (SELECT FROM stream.bans b
                   WHERE b.target_user_id = u.id AND b.channel_cid = '' AND NOT b.shadow
                     AND (b.expires IS NULL OR b.expires > statement_timestamp()))
    FROM stream.users u
    WHERE u.id = $1)",
                       {TEXTOID});

[[noreturn]] void refuse(std::string_view id, const char *why, const char *hint) {
    throw not_allowed("user " + quoted(id) + " is " + why).at("id").of(id).hint(hint);
}

} // namespace

void require_admission(std::string_view id, std::optional<TimestampTz> token_issued_at,
                       State state) {
    const pg::Rows rows =
        state == State::as_the_caller_sees_it ? standing.read({id}) : standing.run({id});
    if (rows.empty())
        throw not_found("user " + quoted(id) + " does not exist").at("id").of(id);
    const pg::Row row = rows[0];
    if (row.boolean(1))
        refuse(id, "deleted", "A soft-deleted user can be restored with stream_restore_users.");
    if (row.boolean(2))
        refuse(id, "deactivated", "stream_reactivate_user lifts a deactivation.");
    if (row.boolean(4))
        refuse(id, "banned", "stream_unban_user lifts a ban.");
    const auto revoked_before = row.timestamp(3);
    if (revoked_before && (!token_issued_at || *token_issued_at < *revoked_before))
        throw Error(Code::token_expired,
                    token_issued_at
                        ? "the token of user " + quoted(id) + " has been revoked"
                        : "tokens of user " + quoted(id) +
                              " have been revoked, and it is not known when this one was issued")
            .at("token_issued_at")
            .of(id)
            .hint("Issue a new token, and pass the time at which it was issued.");
}

bool is_sure_of_admission(std::string_view id) {
    using Answer = pg::KeyLookup::Found::Answer;
    static pg::KeyLookup users("users", {"id"},
                               {"deleted_at", "deactivated_at", "revoke_tokens_issued_before"});
    static pg::KeyLookup bans("bans", {"target_user_id", "channel_cid"}, {});
    const auto user = users.find({id});
    return user.answer == Answer::row && user.nulls[0] && user.nulls[1] && user.nulls[2] &&
           bans.find({id, ""}).answer == Answer::none;
}

std::optional<TimestampTz> time_argument(const pg::Call &call, int arg) {
    return call.is_null(arg) ? std::nullopt
                             : std::optional<TimestampTz>(DatumGetTimestampTz(call.datum(arg)));
}

} // namespace stream::access
