// Ban and unban, from the whole application or from one channel.

#include "erasure/holds.hpp"
#include "lifecycle/deletion.hpp"
#include "moderation/parties.hpp"
#include "pg/jsonb_writer.hpp"
#include "pg/response.hpp"

using namespace stream;
using namespace stream::moderation;

namespace {

// A ban takes the place of the one that is there, in force or not.
pg::Statement put_ban(R"(
    INSERT INTO stream.bans (target_user_id, channel_cid, banned_by_id, reason, shadow, ip_ban, expires, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (target_user_id, channel_cid) DO UPDATE
    SET banned_by_id = EXCLUDED.banned_by_id, reason = EXCLUDED.reason, shadow = EXCLUDED.shadow,
        ip_ban = EXCLUDED.ip_ban, expires = EXCLUDED.expires, created_at = EXCLUDED.created_at)",
                      {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, BOOLOID, TIMESTAMPTZOID,
                       TIMESTAMPTZOID});

pg::Statement lift_ban("DELETE FROM stream.bans WHERE target_user_id = $1 AND channel_cid = $2",
                       {TEXTOID, TEXTOID});

// What becomes of the banned user's messages; null or '' leaves them alone.
lifecycle::Mode messages_mode(const pg::Call &call, int arg) {
    const auto name = call.text(arg);
    if (!name || name->empty())
        return lifecycle::Mode::none;
    for (const lifecycle::Mode mode :
         {lifecycle::Mode::soft, lifecycle::Mode::pruning, lifecycle::Mode::hard})
        if (*name == lifecycle::mode_name(mode))
            return mode;
    throw bad_input("delete_messages " + quoted(*name) + " is not valid")
        .at("delete_messages")
        .hint("Use 'soft', 'pruning' or 'hard', or NULL to leave the messages alone.");
}

// The channel of a ban; none: the whole application.
std::optional<std::string_view> channel_argument(const pg::Call &call, int arg) {
    const auto cid = call.text(arg);
    return cid && cid->empty() ? std::nullopt : cid;
}

// Who is banned, and, where it is known, who bans.
std::vector<Party> banned_and_banner(std::string_view target,
                                     std::optional<std::string_view> banner) {
    std::vector<Party> parties{{target, "target_user_id"}};
    if (banner && *banner == target)
        throw bad_input("user " + quoted(target) + " can't ban itself")
            .at("banned_by_id")
            .of(target)
            .hint("Name the user who bans, or leave banned_by_id out.");
    if (banner)
        parties.emplace_back(*banner, "banned_by_id");
    return parties;
}

std::string delete_messages(const Party &target, lifecycle::Mode mode,
                            std::optional<std::string_view> cid) {
    lifecycle::DeletionRequest request;
    request.modes.messages = mode;
    if (cid)
        request.channel_cid = std::string(*cid);
    erasure::refuse_held({target}, request.modes);
    return lifecycle::start_deletion({target}, request);
}

Datum ban_response(const pg::Call &call, const std::string &task) {
    pg::JsonbWriter w(call.result_context());
    w.begin_object_of({{"task_id", !task.empty()}, {"duration"}});
    if (!task.empty())
        w.string(task);
    w.string(call.duration());
    w.end();
    return w.datum();
}

} // namespace

// stream_ban_user(target_user_id, banned_by_id, reason, timeout_minutes, shadow, channel_cid,
//                 ip_ban, delete_messages)
STREAM_FUNCTION(stream_ban_user, "BanUser") {
    const std::string_view id = call.required_text(0, "target_user_id");
    const auto banner = call.text(1);
    const TimestampTz now = GetCurrentTimestamp();
    const auto expires = expiry(call, 3, now);
    const auto cid = channel_argument(call, 5);
    const lifecycle::Mode mode = messages_mode(call, 7);
    std::vector<Party> parties = banned_and_banner(id, banner);
    if (mode != lifecycle::Mode::none)
        erasure::keep_holds_still();
    // Tasks over the same user are put into the queue one after the other.
    look_up(parties, mode == lifecycle::Mode::none ? Hold::shared : Hold::exclusive);
    require_target(parties[0], "banned");
    if (banner)
        require_actor(parties[1]);
    if (cid)
        require_channels({*cid}, "channel_cid", true);
    put_ban.run({id, cid.value_or(""), banner, call.text(2), call.boolean(4), call.boolean(6),
                 time_or_null(expires), int64{now}});
    return ban_response(
        call, mode == lifecycle::Mode::none ? "" : delete_messages(parties[0], mode, cid));
}

// stream_unban_user(target_user_id, channel_cid, unbanned_by_id)
STREAM_FUNCTION(stream_unban_user, "UnbanUser") {
    const std::string_view id = call.required_text(0, "target_user_id");
    const auto cid = channel_argument(call, 1);
    const auto actor = call.text(2);
    std::vector<Party> parties{{id, "target_user_id"}};
    if (actor)
        parties.emplace_back(*actor, "unbanned_by_id");
    look_up(parties, Hold::none);
    require_known(parties[0]);
    if (actor)
        require_actor(parties[1]);
    lift_ban.run({id, cid.value_or("")});
    return pg::duration_response(call);
}
