// Coming, going, and being asked whether one may: connect, disconnect, authorize, revoked tokens.

#include "access/standing.hpp"
#include "events/emit.hpp"
#include "lifecycle/subjects.hpp"
#include "pg/array.hpp"
#include "pg/response.hpp"
#include "users/record.hpp"

using namespace stream;

namespace {

// Says nothing of who may: whoever may not makes the call fail, and with it this.
pg::Statement &arrive() {
    static pg::Statement statement(R"(
        UPDATE stream.users
        SET online = true, last_active = GREATEST(last_active, clock_timestamp())
        WHERE id = $1
        RETURNING )" + users::record_columns(""),
                                   {TEXTOID});
    return statement;
}

// Who is offline was last seen when they left, not when they leave once more.
pg::Statement leave(R"(
    UPDATE stream.users
    SET online = false, last_active = GREATEST(last_active, clock_timestamp())
    WHERE id = $1 AND online)",
                    {TEXTOID});

pg::Statement user_exists("SELECT FROM stream.users WHERE id = $1", {TEXTOID});

// $2 null makes all tokens good again.
pg::Statement revoke_before(R"(
    UPDATE stream.users
    SET revoke_tokens_issued_before = $2, updated_at = GREATEST(updated_at, statement_timestamp())
    WHERE id = ANY ($1) AND revoke_tokens_issued_before IS DISTINCT FROM $2
    RETURNING id)",
                            {TEXTARRAYOID, TIMESTAMPTZOID});

} // namespace

// stream_connect_user(id, token_issued_at). Asked again once the user's row is locked: until then
// it may have been deleted, deactivated, banned or revoked.
STREAM_FUNCTION(stream_connect_user, "Connect") {
    const std::string_view id = call.required_text(0, "id");
    const auto token_issued_at = access::time_argument(call, 1);
    access::require_admission(id, token_issued_at, access::State::as_committed_by_now);
    const pg::Rows rows = arrive().run({id});
    access::require_admission(id, token_issued_at, access::State::as_committed_by_now);

    const users::UserRecord user = users::read_record(rows[0]);
    const users::UserWriter writer({user.id}, users::Form::full);
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"me", "duration"});
    writer.write(w, user);
    w.string(call.duration());
    w.end();
    return w.datum();
}

// stream_disconnect_user(id)
STREAM_FUNCTION(stream_disconnect_user, "Disconnect") {
    const std::string_view id = call.required_text(0, "id");
    if (leave.run({id}).processed() == 0 && user_exists.run({id}).empty())
        throw not_found("user " + quoted(id) + " does not exist").at("id").of(id);
    return pg::duration_response(call);
}

// stream_authorize(id, token_issued_at). Most often there is nothing to refuse.
STREAM_FUNCTION_WITH(stream_authorize, "Authorize", pg::Connection::none) {
    const std::string_view id = call.required_text(0, "id");
    if (!access::is_sure_of_admission(id)) {
        pg::connect();
        access::require_admission(id, access::time_argument(call, 1),
                                  access::State::as_the_caller_sees_it);
        pg::disconnect();
    }
    return BoolGetDatum(true);
}

// stream_revoke_tokens(ids, issued_before)
STREAM_FUNCTION(stream_revoke_tokens, "RevokeTokens") {
    const auto ids = call.text_array(0, "ids");
    const auto issued_before = access::time_argument(call, 1);
    lifecycle::lock_subjects(ids, false);
    const pg::Rows changed = revoke_before.run(
        {pg::Param::datum(pg::text_array(ids)),
         issued_before ? pg::Param(int64{*issued_before}) : pg::Param(std::nullopt)});
    pg::Vec<std::string_view> changed_ids;
    for (std::size_t i = 0; i < changed.size(); i++)
        changed_ids.push_back(changed[i].text(1));
    events::emit({events::Type::user_updated}, changed_ids);
    return pg::duration_response(call);
}
