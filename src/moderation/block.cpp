// Block, unblock, and whom a user blocks.

#include "moderation/parties.hpp"
#include "moderation/people.hpp"
#include "pg/response.hpp"

using namespace stream;
using namespace stream::moderation;

namespace {

// Blocking again keeps the block as it is.
pg::Statement put_block(R"(
    INSERT INTO stream.blocks AS b (user_id, blocked_user_id, created_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (user_id, blocked_user_id) DO UPDATE SET created_at = b.created_at
    RETURNING created_at)",
                        {TEXTOID, TEXTOID, TIMESTAMPTZOID});

pg::Statement lift_block("DELETE FROM stream.blocks WHERE user_id = $1 AND blocked_user_id = $2",
                         {TEXTOID, TEXTOID});

pg::Statement blocks_of(R"(
    SELECT blocked_user_id, created_at
    FROM stream.blocks
    WHERE user_id = $1
    ORDER BY created_at, blocked_user_id)",
                        {TEXTOID});

std::vector<Party> blocker_and_blocked(const pg::Call &call) {
    std::vector<Party> parties{{call.required_text(0, "user_id"), "user_id"},
                               {call.required_text(1, "blocked_user_id"), "blocked_user_id"}};
    return parties;
}

void write_blocks(pg::JsonbWriter &w, std::string_view blocker, const pg::Rows &blocks) {
    pg::Vec<std::string_view> ids{blocker};
    for (std::size_t i = 0; i < blocks.size(); i++)
        ids.push_back(blocks[i].text(1));
    const People people(ids);
    w.begin_array(blocks.size());
    for (std::size_t i = 0; i < blocks.size(); i++) {
        pg::check_interrupts();
        const std::string_view blocked = blocks[i].text(1);
        w.begin_object({"user", "user_id", "created_at", "blocked_user", "blocked_user_id"});
        people.write(w, blocker);
        w.string(blocker);
        w.timestamp(*blocks[i].timestamp(2));
        people.write(w, blocked);
        w.string(blocked);
        w.end();
    }
    w.end();
}

} // namespace

// stream_block_user(user_id, blocked_user_id)
STREAM_FUNCTION(stream_block_user, "BlockUsers") {
    std::vector<Party> parties = blocker_and_blocked(call);
    const Party &blocker = parties[0];
    const Party &blocked = parties[1];
    if (blocker.id == blocked.id)
        throw bad_input("user " + quoted(blocker.id) + " can't block itself")
            .at(blocked.path)
            .of(blocked.id);
    look_up(parties, Hold::shared);
    require_actor(blocker);
    require_target(blocked, "blocked");
    const pg::Rows block = put_block.run({blocker.id, blocked.id, int64{GetCurrentTimestamp()}});
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"duration", "created_at", "blocked_user_id", "blocked_by_user_id"});
    w.string(call.duration());
    w.timestamp(*block[0].timestamp(1));
    w.string(blocked.id);
    w.string(blocker.id);
    w.end();
    return w.datum();
}

// stream_unblock_user(user_id, blocked_user_id)
STREAM_FUNCTION(stream_unblock_user, "UnblockUsers") {
    std::vector<Party> parties = blocker_and_blocked(call);
    look_up(parties, Hold::none);
    require_actor(parties[0]);
    require_known(parties[1]);
    lift_block.run({parties[0].id, parties[1].id});
    return pg::duration_response(call);
}

// stream_get_blocked_users(user_id)
STREAM_FUNCTION(stream_get_blocked_users, "GetBlockedUsers") {
    std::vector<Party> parties{{call.required_text(0, "user_id"), "user_id"}};
    look_up(parties, Hold::none);
    require_known(parties[0]);
    const pg::Rows blocks = blocks_of.run({parties[0].id});
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"blocks", "duration"});
    write_blocks(w, parties[0].id, blocks);
    w.string(call.duration());
    w.end();
    return w.datum();
}
