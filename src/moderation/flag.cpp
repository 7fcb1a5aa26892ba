// Flag and unflag: users report messages, users, activities and comments.

#include "moderation/parties.hpp"
#include "moderation/people.hpp"
#include "pg/response.hpp"
#include "pg/transaction.hpp"

using namespace stream;
using namespace stream::moderation;

namespace {

// The ids of messages are unique in their channel only: one that is not deleted comes first.
pg::Statement message_state(R"(
    SELECT deleted_at IS NOT NULL FROM stream.messages WHERE id = $1 ORDER BY 1 LIMIT 1)",
                            {TEXTOID});

pg::Statement activity_state("SELECT deleted_at IS NOT NULL FROM stream.activities WHERE id = $1",
                             {TEXTOID});

pg::Statement comment_state("SELECT deleted_at IS NOT NULL FROM stream.comments WHERE id = $1",
                            {TEXTOID});

pg::Statement is_flagged(R"(
    SELECT EXISTS (SELECT FROM stream.flags WHERE entity_id = $1 AND entity_type = $2 AND user_id = $3))",
                         {TEXTOID, TEXTOID, TEXTOID});

pg::Statement put_flag(R"(
    INSERT INTO stream.flags (entity_type, entity_id, user_id, reason, custom, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING id)",
                       {TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TIMESTAMPTZOID});

pg::Statement
    lift_flag("DELETE FROM stream.flags WHERE entity_id = $1 AND entity_type = $2 AND user_id = $3",
              {TEXTOID, TEXTOID, TEXTOID});

struct Flag {
    std::string_view entity_type;
    std::string_view entity_id;
    std::string_view user_id;

    pg::Params key() const { return {entity_id, entity_type, user_id}; }
};

Flag flag_argument(const pg::Call &call) {
    const Flag flag{call.required_text(0, "entity_type"), call.required_text(1, "entity_id"),
                    call.required_text(2, "user_id")};
    for (const char *known : {"message", "user", "activity", "comment"})
        if (flag.entity_type == known)
            return flag;
    throw bad_input("entity_type " + quoted(flag.entity_type) + " is not valid")
        .at("entity_type")
        .hint("Use 'message', 'user', 'activity' or 'comment'.");
}

pg::JsonValue custom_argument(const pg::Call &call, int arg) {
    const Jsonb *custom = call.jsonb(arg);
    if (custom == nullptr)
        return pg::JsonValue::empty_object();
    const pg::JsonValue value(custom);
    if (!value.is_object())
        throw bad_input(std::string("custom must be an object, not ") + value.type_name())
            .at("custom");
    return value;
}

void require_entity(const Flag &flag) {
    pg::Statement &state = flag.entity_type == "message"    ? message_state
                           : flag.entity_type == "activity" ? activity_state
                                                            : comment_state;
    const std::string what = std::string(flag.entity_type) + " " + quoted(flag.entity_id);
    const pg::Rows rows = state.run({flag.entity_id});
    if (rows.empty())
        throw not_found(what + " does not exist").at("entity_id").of(flag.entity_id);
    if (rows[0].boolean(1))
        throw bad_input(what + " is deleted, it can't be flagged")
            .at("entity_id")
            .of(flag.entity_id);
}

// Who flags, and the user who is flagged where it is one; that one's row is held too. Flags of one
// user are made one after the other, so that none is made twice.
void require_parties(const Flag &flag) {
    std::vector<Party> parties{{flag.user_id, "user_id"}};
    if (flag.entity_type == "user")
        parties.emplace_back(flag.entity_id, "entity_id");
    look_up(parties, Hold::exclusive);
    require_actor(parties[0]);
    if (flag.entity_type == "user")
        require_target(parties[1], "flagged");
    else
        require_entity(flag);
}

// Looks at what is committed by now: an older snapshot would not show the flag that this call has
// waited for.
void refuse_twice(const Flag &flag) {
    const pg::LatestSnapshot now;
    if (is_flagged.read(flag.key())[0].boolean(1))
        throw bad_input("flag already exists")
            .at("entity_id")
            .of(flag.entity_id)
            .hint("A user flags the same thing once; stream_unflag takes the flag back.");
}

void write_flag(pg::JsonbWriter &w, const Flag &flag, std::string_view id,
                std::optional<std::string_view> reason, const pg::JsonValue &custom,
                TimestampTz created_at) {
    const People people({flag.user_id});
    w.begin_object_of({{"id"},
                       {"user"},
                       {"custom"},
                       {"reason", reason.has_value()},
                       {"user_id"},
                       {"entity_id"},
                       {"created_at"},
                       {"entity_type"}});
    w.string(id);
    people.write(w, flag.user_id);
    w.value(custom);
    w.string_if(reason);
    w.string(flag.user_id);
    w.string(flag.entity_id);
    w.timestamp(created_at);
    w.string(flag.entity_type);
    w.end();
}

} // namespace

// stream_flag(entity_type, entity_id, user_id, reason, custom)
STREAM_FUNCTION(stream_flag, "Flag") {
    const Flag flag = flag_argument(call);
    const auto reason = call.text(3);
    const pg::JsonValue custom = custom_argument(call, 4);
    const TimestampTz now = GetCurrentTimestamp();
    require_parties(flag);
    refuse_twice(flag);
    const pg::Rows rows = put_flag.run({flag.entity_type, flag.entity_id, flag.user_id, reason,
                                        pg::Param::datum(custom.datum()), int64{now}});
    const std::string_view id = rows[0].text(1);
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"flag", "item_id", "duration"});
    write_flag(w, flag, id, reason, custom, now);
    w.string(id);
    w.string(call.duration());
    w.end();
    return w.datum();
}

// stream_unflag(entity_type, entity_id, user_id)
STREAM_FUNCTION(stream_unflag, "Unflag") {
    const Flag flag = flag_argument(call);
    std::vector<Party> parties{{flag.user_id, "user_id"}};
    look_up(parties, Hold::none);
    require_actor(parties[0]);
    lift_flag.run(flag.key());
    return pg::duration_response(call);
}
