-- Bans, mutes, blocks and flags, without their durations and times.
CREATE EXTENSION IF NOT EXISTS stream_users;
SELECT stream_upsert_users('[{"id": "m-ann", "name": "Ann"}, {"id": "m-bob"}, {"id": "m-mod"}]', false) - 'duration' AS upserted;
INSERT INTO stream.channels (cid) VALUES ('team:m1'), ('team:m2');
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:m' || 1 + i % 2, 'm' || i, 'm-ann', 'text' FROM generate_series(1, 10) AS i;

-- A ban from one channel, with the messages there, by a task.
SELECT (stream_ban_user('m-ann', 'm-mod', 'spam', channel_cid => 'team:m1', delete_messages => 'hard') ->> 'task_id')::uuid AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT stream_wait_task(:'task') #> '{result,counts}' AS counts;
SELECT cid, count(*) FROM stream.messages WHERE user_id = 'm-ann' GROUP BY cid;

-- One from the whole application, which takes the place of the one before.
SELECT stream_ban_user('m-ann', 'm-mod', shadow => true) - 'duration' AS banned;
SELECT stream_ban_user('m-ann', 'm-mod', 'rude', 10) - 'duration' AS banned;
SELECT u -> 'banned' AS banned, u -> 'shadow_banned' AS shadow_banned, u ? 'ban_expires' AS ends FROM stream_get_user('m-ann') AS u;
SELECT ban #>> '{user,name}' AS who, ban #>> '{banned_by,id}' AS by, ban ->> 'reason' AS reason, ban #>> '{channel,cid}' AS channel, ban ? 'expires' AS ends
FROM jsonb_array_elements(stream_query_banned_users('{"filter_conditions": {"user_id": {"$in": ["m-ann", "m-bob"]}}, "sort": [{"field": "reason"}]}') -> 'bans') AS ban;
SELECT stream_unban_user('m-ann') - 'duration' AS unbanned;
SELECT stream_get_user('m-ann') -> 'banned' AS banned;
SELECT stream_ban_user('m-ann', 'm-ann');
SELECT stream_query_banned_users('{"filter_conditions": {"$or": [{"user_id": {"$like": "m"}}]}}');

-- Mutes, blocks and flags, and back.
SELECT stream_mute_users('m-ann', '{m-bob,m-none}', 10) #- '{duration}' #- '{mutes,0,user}' #- '{mutes,0,target}' #- '{mutes,0,expires}'
       #- '{mutes,0,created_at}' #- '{mutes,0,updated_at}' AS answer;
SELECT jsonb_path_query_array(stream_mute_channels('m-ann', '{team:m2,team:m1}'), '$.channel_mutes[*].channel.cid') AS muted;
SELECT stream_block_user('m-ann', 'm-bob') - '{duration,created_at}'::text[] AS blocked;
SELECT (stream_flag('message', 'm1', 'm-bob', 'spam') -> 'flag') - '{id,user,created_at}'::text[] AS flag;
SELECT stream_flag('message', 'm1', 'm-bob');
SELECT jsonb_path_query_array(u, '$.mutes[*].target.id') AS mutes, jsonb_array_length(u -> 'channel_mutes') AS channel_mutes, u -> 'blocked_user_ids' AS blocked
FROM stream_get_user('m-ann') AS u;
SELECT jsonb_path_query_array(stream_get_blocked_users('m-ann'), '$.blocks[*].blocked_user_id') AS blocks;
SELECT stream_unmute_users('m-ann', '{m-bob}') - 'duration' AS unmuted, stream_unmute_channels('m-ann', '{team:m1,team:m2}') - 'duration' AS channels,
       stream_unblock_user('m-ann', 'm-bob') - 'duration' AS unblocked, stream_unflag('message', 'm1', 'm-bob') - 'duration' AS unflagged;
SELECT (SELECT count(*) FROM stream.user_mutes) AS mutes, (SELECT count(*) FROM stream.channel_mutes) AS channel_mutes,
       (SELECT count(*) FROM stream.blocks) AS blocks, (SELECT count(*) FROM stream.flags) AS flags;
DELETE FROM stream.bans;
DELETE FROM stream.messages WHERE user_id = 'm-ann';
DELETE FROM stream.channels WHERE cid LIKE 'team:m%';
DELETE FROM stream.users WHERE id LIKE 'm-%';
DELETE FROM stream.tasks;
