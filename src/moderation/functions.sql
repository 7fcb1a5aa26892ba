-- Bans, mutes, blocks and flags.

CREATE FUNCTION stream_ban_user(target_user_id text, banned_by_id text DEFAULT NULL, reason text DEFAULT NULL,
                                timeout_minutes integer DEFAULT NULL, shadow boolean DEFAULT false,
                                channel_cid text DEFAULT NULL, ip_ban boolean DEFAULT false,
                                delete_messages text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_ban_user';
CREATE FUNCTION stream_unban_user(target_user_id text, channel_cid text DEFAULT NULL,
                                  unbanned_by_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_unban_user';
CREATE FUNCTION stream_query_banned_users(query jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c STABLE SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_query_banned_users';
CREATE FUNCTION stream_mute_users(user_id text, target_ids text[], timeout_minutes integer DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_mute_users';
CREATE FUNCTION stream_unmute_users(user_id text, target_ids text[]) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_unmute_users';
CREATE FUNCTION stream_mute_channels(user_id text, channel_cids text[], timeout_minutes integer DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_mute_channels';
CREATE FUNCTION stream_unmute_channels(user_id text, channel_cids text[]) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_unmute_channels';
CREATE FUNCTION stream_block_user(user_id text, blocked_user_id text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_block_user';
CREATE FUNCTION stream_unblock_user(user_id text, blocked_user_id text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_unblock_user';
CREATE FUNCTION stream_get_blocked_users(user_id text) RETURNS jsonb
    LANGUAGE c STABLE SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_get_blocked_users';
CREATE FUNCTION stream_flag(entity_type text, entity_id text, user_id text, reason text DEFAULT NULL,
                            custom jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_flag';
CREATE FUNCTION stream_unflag(entity_type text, entity_id text, user_id text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_unflag';

REVOKE ALL ON FUNCTION stream_ban_user, stream_unban_user, stream_query_banned_users, stream_mute_users,
                       stream_unmute_users, stream_mute_channels, stream_unmute_channels, stream_block_user,
                       stream_unblock_user, stream_get_blocked_users, stream_flag, stream_unflag FROM PUBLIC;

COMMENT ON FUNCTION stream_ban_user(text, text, text, integer, boolean, text, boolean, text) IS
'Bans a user from the whole application or from one channel. A ban takes the place of the one the user has there.
Refused: an unknown user or channel (ST016), a deleted one, a user who bans itself, a bad value (ST004); a banned_by_id
that is deleted or deactivated, deleting for good what belongs to a user under legal hold (ST017).
target_user_id: who is banned.
banned_by_id: the user who bans.
reason: why.
timeout_minutes: after how many minutes the ban ends by itself; null: never.
shadow: true makes it a shadow ban, which the user is not told of.
channel_cid: from which channel; null: from the whole application.
ip_ban: true asks to ban the address that the user comes from, too: kept for the application.
delete_messages: soft, pruning or hard deletes the user''s messages, as messages_mode of stream_delete_users does, by a
  task: those in the channel, or all of them; null leaves them.
Returns {duration}, with task_id when messages are deleted.';

COMMENT ON FUNCTION stream_unban_user(text, text, text) IS
'Ends a ban. Where there is none nothing happens. Refused: an unknown user (ST016), an unbanned_by_id that is deleted or
deactivated (ST017).
target_user_id: who is banned.
channel_cid: from which channel; null: from the whole application.
unbanned_by_id: the user who ends the ban.
Returns {duration}.';

COMMENT ON FUNCTION stream_query_banned_users(jsonb) IS
'Bans that match a filter, sorted and a page at a time. What is wrong in a query is refused by its path (ST004).
query: an object of filter_conditions (user_id, banned_by_id, channel_cid, created_at, reason, $and, $or, $nor),
  exclude_expired_bans (default false), sort ([{field, direction: 1 or -1}], at most 5; default created_at descending),
  limit (default 30, at most 100), offset (at most 1000), created_at_after, created_at_after_or_equal, created_at_before
  and created_at_before_or_equal.
Returns {bans: [{user, banned_by, channel, reason, shadow, expires, created_at}], duration}, users in short form.';

COMMENT ON FUNCTION stream_mute_users(text, text[], integer) IS
'Mutes users for a user. A mute that is there gets the new end. Refused: a user_id that is unknown (ST016), deleted or
deactivated (ST017); no targets, a target named twice, oneself, a bad timeout (ST004).
user_id: who mutes.
target_ids: who is muted.
timeout_minutes: after how many minutes the mutes end by themselves; null: never.
Returns {mutes: [{user, target, expires, created_at, updated_at}], non_existing_users, duration}, in the order of
target_ids, users in short form; non_existing_users are those of target_ids that are unknown or deleted.';

COMMENT ON FUNCTION stream_unmute_users(text, text[]) IS
'Ends mutes. Where there is none nothing happens. Refused: a user_id that is unknown (ST016), deleted or deactivated
(ST017); no targets, a target named twice (ST004).
user_id: who muted.
target_ids: who was muted.
Returns {non_existing_users, duration}; non_existing_users are those of target_ids that are unknown.';

COMMENT ON FUNCTION stream_mute_channels(text, text[], integer) IS
'Mutes channels for a user. A mute that is there gets the new end. Refused: a user_id that is unknown (ST016), deleted or
deactivated (ST017); an unknown channel (ST016); no channels, a deleted one, one named twice, a bad timeout (ST004).
user_id: who mutes.
channel_cids: the channels, type:id.
timeout_minutes: after how many minutes the mutes end by themselves; null: never.
Returns {channel_mutes: [{user, channel, expires, created_at, updated_at}], duration}, in the order of channel_cids.';

COMMENT ON FUNCTION stream_unmute_channels(text, text[]) IS
'Ends mutes of channels. Where there is none nothing happens. Refused: a user_id that is unknown (ST016), deleted or
deactivated (ST017); no channels, one named twice (ST004).
user_id: who muted.
channel_cids: the channels.
Returns {duration}.';

COMMENT ON FUNCTION stream_block_user(text, text) IS
'Blocks a user for another. Blocking again keeps the block as it is. Refused: an unknown user (ST016); a user_id that is
deleted or deactivated (ST017); a deleted blocked_user_id, oneself (ST004).
user_id: who blocks.
blocked_user_id: who is blocked.
Returns {blocked_by_user_id, blocked_user_id, created_at, duration}.';

COMMENT ON FUNCTION stream_unblock_user(text, text) IS
'Ends a block. Where there is none nothing happens. Refused: an unknown user (ST016); a user_id that is deleted or
deactivated (ST017).
user_id: who blocked.
blocked_user_id: who was blocked.
Returns {duration}.';

COMMENT ON FUNCTION stream_get_blocked_users(text) IS
'Whom a user blocks, the oldest block first. Refused: an unknown user (ST016).
user_id: who blocks.
Returns {blocks: [{user, user_id, blocked_user, blocked_user_id, created_at}], duration}, users in short form.';

COMMENT ON FUNCTION stream_flag(text, text, text, text, jsonb) IS
'Reports a message, user, activity or comment. Refused: what does not exist (ST016) or is deleted, what the user has
flagged already, a bad entity_type (ST004); a user_id that is unknown (ST016), deleted or deactivated (ST017).
entity_type: message, user, activity or comment.
entity_id: its id.
user_id: who reports it.
reason: why.
custom: an object of the application''s own data of the flag.
Returns {flag: {id, entity_type, entity_id, user, user_id, reason, custom, created_at}, item_id, duration}, the user in
short form; item_id is the id of the flag.';

COMMENT ON FUNCTION stream_unflag(text, text, text) IS
'Takes a flag back. Where there is none nothing happens. Refused: a bad entity_type (ST004); a user_id that is unknown
(ST016), deleted or deactivated (ST017).
entity_type: message, user, activity or comment.
entity_id: its id.
user_id: who reported it.
Returns {duration}.';
