-- stream_mute_users, stream_unmute_users, stream_mute_channels, stream_unmute_channels.
BEGIN;
\ir lib/moderation.sql
DELETE FROM stream.user_mutes;
DELETE FROM stream.channel_mutes;

-- What both kinds of calls refuse alike, muting and unmuting
CREATE TEMPORARY TABLE refusals (
    n integer GENERATED ALWAYS AS IDENTITY, call text, operation text, code integer, path text, id text, rule text);
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT %s(%s, %s)', function, muter, replace(targets, 'T', good)), operation, code, replace(path, 'targets', argument), replace(id, 'T', good),
       format('%s: %s is refused', function, rule)
  FROM (VALUES ('stream_mute_users', 'MuteUser', 'target_ids', 'ben'), ('stream_unmute_users', 'UnmuteUser', 'target_ids', 'ben'),
               ('stream_mute_channels', 'MuteChannel', 'channel_cids', 'team:trio'),
               ('stream_unmute_channels', 'UnmuteChannel', 'channel_cids', 'team:trio')) AS f (function, operation, argument, good),
       (VALUES (1, 'NULL', '''{T}''', 4, 'user_id', NULL, 'nobody as the muter'),
               (2, '''nobody''', '''{T}''', 16, 'user_id', 'nobody', 'an unknown muter'),
               (3, '''soft''', '''{T}''', 17, 'user_id', 'soft', 'a deleted muter'),
               (4, '''erasing''', '''{T}''', 17, 'user_id', 'erasing', 'a muter who is being erased'),
               (5, '''idle''', '''{T}''', 17, 'user_id', 'idle', 'a deactivated muter'),
               (6, '''ann''', 'NULL', 4, 'targets', NULL, 'a list that is null'),
               (7, '''ann''', '''{}''', 4, 'targets', NULL, 'an empty list'),
               (8, '''ann''', '''{T,NULL}''', 4, 'targets[1]', NULL, 'a null in the list'),
               (9, '''ann''', '''{x,T,T}''', 4, 'targets[2]', 'T', 'a target named twice')) AS r (n, muter, targets, code, path, id, rule)
 ORDER BY function, n;
INSERT INTO refusals (call, operation, code, path, id, rule) VALUES
    ('SELECT stream_mute_users(''ann'', ''{ben,ann}'')', 'MuteUser', 4, 'target_ids[1]', 'ann', 'a user can''t mute itself'),
    ('SELECT stream_mute_users(''ann'', ''{ben}'', 0)', 'MuteUser', 4, 'timeout_minutes', NULL, 'a mute for no time is refused'),
    ('SELECT stream_mute_users(''ann'', ''{ben}'', -1)', 'MuteUser', 4, 'timeout_minutes', NULL, 'a mute for less is refused'),
    ('SELECT stream_mute_channels(''ann'', ''{team:trio}'', 0)', 'MuteChannel', 4, 'timeout_minutes', NULL, 'a channel mute for no time is refused'),
    ('SELECT stream_mute_channels(''ann'', ''{team:trio,team:none}'')', 'MuteChannel', 16, 'channel_cids[1]', 'team:none', 'an unknown channel is refused'),
    ('SELECT stream_mute_channels(''ann'', ''{dm:ann-dan,team:trio}'')', 'MuteChannel', 4, 'channel_cids[0]', 'dm:ann-dan', 'a deleted channel is refused');

SELECT plan((SELECT count(*)::integer FROM refusals) + 36);
SELECT pg_temp.refused(call, operation, code, path, id, rule) FROM refusals ORDER BY n;

-- Users
CREATE FUNCTION pg_temp.targets(answer jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_path_query_array(answer, '$.mutes[*].target.id')
$$;
SELECT stream_mute_users('ann', '{eve,nobody,ben,soft,erasing,idle}') AS answer \gset
SELECT is(pg_temp.targets(:'answer'), '["eve", "ben", "idle"]', 'the answer has the mutes in the order of the call');
SELECT is(:'answer'::jsonb -> 'non_existing_users', '["nobody", "soft", "erasing"]', 'and, apart, unknown and deleted users');
SELECT set_eq('SELECT user_id, target_id FROM stream.user_mutes', $$VALUES ('ann', 'eve'), ('ann', 'ben'), ('ann', 'idle')$$, 'those who are there are muted');
SELECT is((:'answer'::jsonb #> '{mutes,1}') - '{user,target}'::text[],
          (SELECT jsonb_build_object('created_at', t, 'updated_at', t)
             FROM (SELECT (extract(epoch FROM created_at) * 1000000)::bigint * 1000 FROM stream.user_mutes LIMIT 1) AS m (t)),
          'a mute without timeout has no end');
SELECT is(:'answer'::jsonb #>> '{mutes,1,user,name}', 'Ann', 'a mute shows who muted');
SELECT is((SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(:'answer'::jsonb #> '{mutes,1,target}') AS k
            WHERE k IN ('devices', 'mutes', 'channel_mutes', 'unread_count', 'blocked_user_ids', 'banned')),
          '{banned,blocked_user_ids}', 'users are in short form');
SELECT is(jsonb_path_query_array(stream_get_user('ann'), '$.mutes[*].target.id'), '["ben", "eve", "idle"]', 'the user object has the mutes');
SELECT is(stream_mute_users('ann', '{nobody}') - 'duration', '{"mutes": [], "non_existing_users": ["nobody"]}', 'muting nobody who is there is no error');

-- Again, and running out
UPDATE stream.user_mutes SET created_at = '2024-01-01', updated_at = '2024-01-01';
SELECT stream_mute_users('ann', '{ben}', 10) #> '{mutes,0}' AS mute \gset
SELECT is((:'mute'::jsonb ->> 'created_at')::bigint, 1704067200000000000, 'a mute that is made again keeps its beginning');
SELECT is((:'mute'::jsonb ->> 'expires')::bigint - (:'mute'::jsonb ->> 'updated_at')::bigint, 600000000000, 'and gets the new end, in minutes');
SELECT is((SELECT count(*)::integer FROM stream.user_mutes WHERE updated_at = '2024-01-01'), 2, 'the others stay as they are');
SELECT is(stream_mute_users('ann', '{ben}') #> '{mutes,0}' ? 'expires', false, 'or no end again');
UPDATE stream.user_mutes SET expires = clock_timestamp() - interval '1 ms' WHERE target_id = 'ben';
SELECT is(jsonb_path_query_array(stream_get_user('ann'), '$.mutes[*].target.id'), '["eve", "idle"]', 'a mute that has run out is not in force');
SELECT stream_mute_users('ann', '{ben}') \g /dev/null
SELECT is((SELECT created_at = updated_at AND created_at > '2024-01-01' FROM stream.user_mutes WHERE target_id = 'ben'), true, 'and begins anew');

-- Unmuting
SELECT stream_mute_users('cat', '{ben}') \g /dev/null
SELECT is(stream_unmute_users('ann', '{ben,nora,nobody}') - 'duration', '{"non_existing_users": ["nobody"]}',
          'unmuting is no error where there is no mute, and names unknown users');
SELECT set_eq('SELECT user_id, target_id FROM stream.user_mutes', $$VALUES ('ann', 'eve'), ('ann', 'idle'), ('cat', 'ben')$$, 'the mute is over, and no other');
SELECT stream_delete_users('{eve}') \g /dev/null
SELECT is(stream_unmute_users('ann', '{eve}') - 'duration', '{"non_existing_users": []}', 'a deleted user can be unmuted');
SELECT is((SELECT count(*)::integer FROM stream.user_mutes WHERE target_id = 'eve'), 0, 'and is');

-- Channels
SELECT stream_mute_channels('ann', '{team:trio,dm:ann-ben}', 5) AS answer \gset
SELECT is(jsonb_path_query_array(:'answer', '$.channel_mutes[*].channel.cid'), '["team:trio", "dm:ann-ben"]', 'the answer has the mutes in the order of the call');
SELECT is((:'answer'::jsonb #> '{channel_mutes,0,channel}'),
          '{"cid": "team:trio", "type": "team", "id": "trio", "custom": {"topic": "x"}, "created_at": 1704067200000000000, "updated_at": 1704067200000000000}',
          'with the channel');
SELECT is(:'answer'::jsonb #>> '{channel_mutes,0,user,id}', 'ann', 'and the user');
SELECT is((:'answer'::jsonb #>> '{channel_mutes,0,expires}')::bigint - (:'answer'::jsonb #>> '{channel_mutes,0,created_at}')::bigint, 300000000000,
          'and the end, in minutes');
SELECT is(jsonb_path_query_array(stream_get_user('ann'), '$.channel_mutes[*].channel.cid'), '["dm:ann-ben", "team:trio"]', 'the user object has them');
SELECT stream_mute_channels('ann', '{team:trio}') \g /dev/null
SELECT is((SELECT expires FROM stream.channel_mutes WHERE channel_cid = 'team:trio'), NULL, 'muting again changes the end');
UPDATE stream.channel_mutes SET expires = clock_timestamp() - interval '1 ms', created_at = '2024-01-01' WHERE channel_cid = 'team:trio';
SELECT is(jsonb_path_query_array(stream_get_user('ann'), '$.channel_mutes[*].channel.cid'), '["dm:ann-ben"]', 'a channel mute that has run out is not in force');
SELECT stream_mute_channels('ann', '{team:trio}') \g /dev/null
SELECT is((SELECT created_at > '2024-01-01' FROM stream.channel_mutes WHERE channel_cid = 'team:trio'), true, 'and begins anew');
SELECT is(stream_unmute_channels('ann', '{team:trio,team:none}') - 'duration', '{}', 'unmuting a channel is no error where there is no mute');
SELECT set_eq('SELECT user_id, channel_cid FROM stream.channel_mutes', $$VALUES ('ann', 'dm:ann-ben')$$, 'the mute is over, and no other');

-- Many: as many as one wants in one call
\ir lib/rows_read.sql
SELECT stream_upsert_users((SELECT jsonb_agg(jsonb_build_object('id', 'many-' || i)) FROM generate_series(1, 20000) AS i), false) \g /dev/null
SELECT pg_temp.rows_read() AS before \gset
SELECT stream_mute_users('nora', (SELECT array_agg('many-' || i ORDER BY random()) FROM generate_series(1, 20000) AS i)) AS answer \gset
SELECT pg_temp.rows_read() - :before AS rows_read \gset
SELECT is(jsonb_array_length(:'answer'::jsonb -> 'mutes'), 20000, '20,000 users are muted by one call');
SELECT cmp_ok(:rows_read, '<=', 5 * 20000, 'which reads no more than a few rows for each of them');
SELECT is(stream_unmute_users('nora', (SELECT array_agg('many-' || i) FROM generate_series(1, 20000) AS i)) -> 'non_existing_users', '[]', 'and unmuted');
SELECT is((SELECT count(*)::integer FROM stream.user_mutes WHERE user_id = 'nora'), 0, 'all of them');

-- Plain SQL is held to the same
SELECT throws_ok($$INSERT INTO stream.user_mutes (user_id, target_id) VALUES ('idle', 'ann')$$, 'ST017', NULL, 'a deactivated user mutes nobody by SQL either');
SELECT throws_ok($$INSERT INTO stream.channel_mutes (user_id, channel_cid) VALUES ('soft', 'team:trio')$$, 'ST017', NULL, 'nor a deleted one a channel');

-- A user that is erased leaves no trace.
SELECT stream_mute_users('cat', '{ann}'), stream_mute_users('ann', '{cat}'), stream_mute_channels('ann', '{team:bcd}') \g /dev/null
SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', new_owner => 'nora', new_call_owner => 'nora') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is_empty($$SELECT * FROM stream_verify_erasure('ann')$$, 'a user that is erased leaves no trace in mutes');
SELECT is((SELECT count(*)::integer FROM stream.user_mutes WHERE user_id = 'cat'), 1, 'those of others stay');

SELECT * FROM finish();
ROLLBACK;
