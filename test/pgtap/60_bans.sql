-- stream_ban_user and stream_unban_user: bans from the whole application and from one channel.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql
\ir lib/world.sql
CREATE OR REPLACE FUNCTION pg_temp.contents() RETURNS text LANGUAGE sql AS 'SELECT pg_temp.everything_and_queue()';

-- One user for each way to be deleted, and a deleted channel: dm:ann-dan.
SELECT stream_upsert_users('[{"id":"soft"},{"id":"pruned"},{"id":"erasing"},{"id":"held"}]') \g /dev/null
SELECT stream_delete_users('{soft}'), stream_delete_users('{pruned}', 'pruning', 'pruning') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_delete_users('{erasing}', 'hard', 'hard', 'hard', 'hard') \g /dev/null
SELECT stream_hold_user('held', 'case 7') \g /dev/null
DELETE FROM stream.bans;

CREATE TEMPORARY TABLE refusals (
    n integer GENERATED ALWAYS AS IDENTITY, call text, operation text, code integer, path text, id text, rule text);
INSERT INTO refusals (call, operation, code, path, id, rule) VALUES
    ('SELECT stream_ban_user(NULL)', 'BanUser', 4, 'target_user_id', NULL, 'a ban of nobody is refused'),
    ('SELECT stream_ban_user('''')', 'BanUser', 16, 'target_user_id', NULL, 'a ban of an empty id is refused'),
    ('SELECT stream_ban_user(''nobody'', ''ann'')', 'BanUser', 16, 'target_user_id', 'nobody', 'a ban of an unknown user is refused'),
    ('SELECT stream_ban_user(''zoe'')', 'BanUser', 16, 'target_user_id', 'zoe', 'a ban of one whom only messages name is refused'),
    ('SELECT stream_ban_user(''soft'', ''ann'')', 'BanUser', 4, 'target_user_id', 'soft', 'a ban of a soft-deleted user is refused'),
    ('SELECT stream_ban_user(''pruned'')', 'BanUser', 4, 'target_user_id', 'pruned', 'a ban of a pruned user is refused'),
    ('SELECT stream_ban_user(''erasing'')', 'BanUser', 4, 'target_user_id', 'erasing', 'a ban of a user being erased is refused'),
    ('SELECT stream_ban_user(''ben'', ''ben'')', 'BanUser', 4, 'banned_by_id', 'ben', 'a user can''t ban itself'),
    ('SELECT stream_ban_user(''ben'', ''nobody'')', 'BanUser', 16, 'banned_by_id', 'nobody', 'a ban by an unknown user is refused'),
    ('SELECT stream_ban_user(''ben'', '''')', 'BanUser', 16, 'banned_by_id', NULL, 'a ban by an empty id is refused'),
    ('SELECT stream_ban_user(''ben'', ''soft'')', 'BanUser', 17, 'banned_by_id', 'soft', 'a ban by a deleted user is refused'),
    ('SELECT stream_ban_user(''ben'', ''erasing'')', 'BanUser', 17, 'banned_by_id', 'erasing', 'a ban by a user being erased is refused'),
    ('SELECT stream_ban_user(''ben'', ''idle'')', 'BanUser', 17, 'banned_by_id', 'idle', 'a ban by a deactivated user is refused'),
    ('SELECT stream_ban_user(''ben'', ''ann'', timeout_minutes => 0)', 'BanUser', 4, 'timeout_minutes', NULL, 'a ban for no time is refused'),
    ('SELECT stream_ban_user(''ben'', ''ann'', timeout_minutes => -5)', 'BanUser', 4, 'timeout_minutes', NULL, 'a ban for less than no time is refused'),
    ('SELECT stream_ban_user(''ben'', channel_cid => ''team:none'')', 'BanUser', 16, 'channel_cid', 'team:none', 'a ban from an unknown channel is refused'),
    ('SELECT stream_ban_user(''ben'', channel_cid => ''dm:ann-dan'')', 'BanUser', 4, 'channel_cid', 'dm:ann-dan', 'a ban from a deleted channel is refused'),
    ('SELECT stream_ban_user(''ben'', delete_messages => ''all'')', 'BanUser', 4, 'delete_messages', NULL, 'an unknown way to delete messages is refused'),
    ('SELECT stream_ban_user(''ben'', delete_messages => ''Hard'')', 'BanUser', 4, 'delete_messages', NULL, 'ways to delete messages are written small'),
    ('SELECT stream_ban_user(''held'', delete_messages => ''hard'')', 'BanUser', 17, 'target_user_id', 'held', 'erasing the messages of a user under legal hold is refused'),
    ('SELECT stream_ban_user(''held'', channel_cid => ''team:trio'', delete_messages => ''pruning'')', 'BanUser', 17, 'target_user_id', 'held', 'so is pruning those of one channel'),
    ('SELECT stream_unban_user(NULL)', 'UnbanUser', 4, 'target_user_id', NULL, 'ending the ban of nobody is refused'),
    ('SELECT stream_unban_user(''nobody'')', 'UnbanUser', 16, 'target_user_id', 'nobody', 'ending the ban of an unknown user is refused'),
    ('SELECT stream_unban_user(''ben'', NULL, ''nobody'')', 'UnbanUser', 16, 'unbanned_by_id', 'nobody', 'an unknown user can''t end a ban'),
    ('SELECT stream_unban_user(''ben'', NULL, ''idle'')', 'UnbanUser', 17, 'unbanned_by_id', 'idle', 'a deactivated user can''t end a ban'),
    ('SELECT stream_unban_user(''ben'', NULL, ''soft'')', 'UnbanUser', 17, 'unbanned_by_id', 'soft', 'a deleted user can''t end a ban');

SELECT plan((SELECT count(*)::integer FROM refusals) + 48);

SELECT pg_temp.refused(call, operation, code, path, id, rule) FROM refusals ORDER BY n;

CREATE FUNCTION pg_temp.hint_of(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE call;
    RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END
$$;
SELECT is_empty($$SELECT call FROM refusals WHERE path IN ('timeout_minutes', 'delete_messages') AND pg_temp.hint_of(call) = ''$$,
                'bad values are refused with a hint');
SELECT matches(pg_temp.hint_of($$SELECT stream_ban_user('soft')$$), 'stream_restore_users', 'a deleted user is refused with a hint');
SELECT matches(pg_temp.hint_of($$SELECT stream_ban_user('ben', 'idle')$$), 'stream_reactivate_user', 'so is a deactivated one');

-- From the whole application
SELECT is(stream_ban_user('ben', 'ann', 'rude') - 'duration', '{}', 'a ban answers with its duration');
SELECT is(to_jsonb(b) - 'created_at',
          '{"target_user_id": "ben", "channel_cid": "", "banned_by_id": "ann", "reason": "rude", "shadow": false, "ip_ban": false, "expires": null}',
          'a ban is kept as it was asked for')
  FROM stream.bans AS b;
SELECT is((SELECT created_at BETWEEN now() AND clock_timestamp() FROM stream.bans), true, 'with the time of the call');
SELECT is(stream_get_user('ben') -> 'banned', 'true', 'the user is banned');
SELECT is(stream_get_user('ben') -> 'shadow_banned', 'false', 'and not shadow-banned');
SELECT ok(NOT stream_get_user('ben') ? 'ban_expires', 'a ban without timeout has no end');
SELECT is((SELECT array_agg(u ->> 'id') FROM jsonb_array_elements(stream_query_users('{"filter_conditions": {"banned": true}}') -> 'users') AS u),
          '{ben}', 'queries find the user');

-- Again
SELECT is(stream_ban_user('ben', 'cat', NULL, 10, true, ip_ban => true) - 'duration', '{}', 'banning a banned user is no error');
SELECT is((SELECT jsonb_agg(to_jsonb(b) - '{created_at,expires}'::text[]) FROM stream.bans AS b),
          '[{"target_user_id": "ben", "channel_cid": "", "banned_by_id": "cat", "reason": null, "shadow": true, "ip_ban": true}]',
          'the new ban takes the place of the old one, reason included');
SELECT is((SELECT expires - created_at FROM stream.bans), interval '10 minutes', 'a timeout is in minutes');
SELECT is(stream_get_user('ben') -> 'banned', 'false', 'a shadow ban is no ban');
SELECT is(stream_get_user('ben') -> 'shadow_banned', 'true', 'but shows as what it is');
SELECT is((stream_get_user('ben') ->> 'ban_expires')::bigint, (SELECT (extract(epoch FROM expires) * 1000000)::bigint * 1000 FROM stream.bans),
          'and until when');
SELECT is(stream_ban_user('ben', timeout_minutes => 2147483647) - 'duration', '{}', 'the longest timeout is taken');
SELECT is((SELECT banned_by_id FROM stream.bans), NULL, 'nobody has to be named as the one who bans');

-- Bans run out by themselves.
UPDATE stream.bans SET expires = clock_timestamp() - interval '1 ms';
SELECT is(stream_get_user('ben') -> 'banned', 'false', 'a ban that has run out is not in force');
SELECT ok(NOT stream_get_user('ben') ? 'ban_expires', 'nor does it show');
SELECT stream_ban_user('ben') \g /dev/null
SELECT is(stream_get_user('ben') -> 'banned', 'true', 'and can be made anew');

-- From a channel
SELECT stream_unban_user('ben') \g /dev/null
SELECT stream_ban_user('ben', 'ann', channel_cid => 'team:trio') \g /dev/null
SELECT is((SELECT array_agg(channel_cid) FROM stream.bans), '{team:trio}', 'a ban from a channel is kept with the channel');
SELECT is(stream_get_user('ben') -> 'banned', 'false', 'and is none from the application');
SELECT stream_ban_user('ben', 'cat'), stream_ban_user('ben', 'cat', channel_cid => 'team:bcd'), stream_ban_user('dan', channel_cid => 'team:bcd') \g /dev/null
SELECT is((SELECT array_agg(channel_cid ORDER BY channel_cid) FROM stream.bans WHERE target_user_id = 'ben'), '{"",team:bcd,team:trio}',
          'bans from channels and from the application stand side by side');
SELECT is((SELECT banned_by_id FROM stream.bans WHERE target_user_id = 'ben' AND channel_cid = 'team:trio'), 'ann', 'each as it was made');
SELECT stream_ban_user('ben', channel_cid => '') \g /dev/null
SELECT is((SELECT count(*)::integer FROM stream.bans WHERE target_user_id = 'ben'), 3, 'an empty channel_cid means none');

-- Unbanning
SELECT is(stream_unban_user('ben', 'team:bcd', 'ann') - 'duration', '{}', 'ending a ban answers with its duration');
SELECT is((SELECT array_agg(channel_cid ORDER BY channel_cid) FROM stream.bans WHERE target_user_id = 'ben'), '{"",team:trio}',
          'the ban from that channel ends, and no other');
SELECT is((SELECT count(*)::integer FROM stream.bans WHERE target_user_id = 'dan'), 1, 'nor another user''s');
SELECT stream_unban_user('ben') \g /dev/null
SELECT is((SELECT array_agg(channel_cid) FROM stream.bans WHERE target_user_id = 'ben'), '{team:trio}', 'without a channel that from the application ends');
SELECT lives_ok($$SELECT stream_unban_user('ben')$$, 'ending a ban that is not there is no error');
SELECT stream_ban_user('eve') \g /dev/null
SELECT stream_delete_users('{eve}') \g /dev/null
SELECT lives_ok($$SELECT stream_unban_user('eve')$$, 'the ban of a deleted user can be ended');
SELECT lives_ok($$SELECT stream_ban_user('idle', 'ann')$$, 'a deactivated user can be banned');

-- Messages that go with a ban
CREATE TEMPORARY TABLE before AS SELECT * FROM pg_temp.everything();
SELECT ok(NOT stream_ban_user('dan', delete_messages => '') ? 'task_id', 'no way to delete messages leaves them');
SELECT stream_ban_user('ben', 'ann', channel_cid => 'team:trio', delete_messages => 'soft') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') -> 'result', '{"counts": {"stream.messages": {"soft": 1}}}',
          'a ban from a channel deletes the user''s messages there');
SELECT set_eq('SELECT relation, key FROM pg_temp.differences(''before'') WHERE relation NOT IN (''stream.bans'', ''stream.users'')',
              $$VALUES ('stream.messages', 'team:trio tr2')$$, 'and nothing else');
SELECT stream_ban_user('cat', channel_cid => 'team:trio', delete_messages => 'pruning') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') -> 'result' -> 'counts' -> 'stream.messages', '{"pruning": 2}', 'pruning empties them');
SELECT is((SELECT array_agg(id ORDER BY id) FROM stream.messages WHERE user_id = 'cat' AND text IS NULL), '{tr3,tr4}', 'those in the channel');
SELECT is((SELECT count(*)::integer FROM stream.reactions WHERE message_id IN ('tr3', 'tr4')), 0, 'with the reactions on them');

SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL, dry_run => true) -> 'counts' -> 'stream.messages' ->> 'hard' AS messages \gset
DROP TABLE before;
CREATE TEMPORARY TABLE before AS SELECT * FROM pg_temp.everything();
SELECT stream_ban_user('ann', channel_cid => 'team:trio', delete_messages => 'hard') ->> 'task_id' AS task \gset
SET LOCAL stream_users.chunk_rows = 1;
CALL stream_run_tasks(until_idle => true);
RESET stream_users.chunk_rows;
SELECT is(stream_get_task(:'task') -> 'result' -> 'counts' -> 'stream.messages', '{"hard": 3}', 'hard erases them, chunk by chunk');
SELECT set_eq($$SELECT key FROM pg_temp.differences('before') WHERE relation = 'stream.messages' AND key NOT IN (SELECT cid || ' ' || id FROM stream.messages)$$,
              $$VALUES ('team:trio tr1'), ('team:trio tr5'), ('team:trio tr7')$$, 'those in the channel and no others');
SELECT is((SELECT count(*)::integer FROM stream.erasures WHERE task_id = :'task'), 0, 'the ledger says nothing of one channel');
SELECT stream_ban_user('ann', delete_messages => 'hard') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is((stream_get_task(:'task') -> 'result' -> 'counts' -> 'stream.messages' ->> 'hard')::integer, :messages - 3,
          'a ban from the application deletes them wherever they are');
SELECT is_empty($$SELECT FROM stream.messages WHERE user_id = 'ann' UNION ALL SELECT FROM stream.activities WHERE user_id = 'ann'$$,
                'and what the user wrote in feeds');
SELECT is((SELECT deleted_at FROM stream.users WHERE id = 'ann'), NULL, 'the user stays');
SELECT is((SELECT count(*)::integer FROM stream.erasures WHERE task_id = :'task'), 1, 'and the ledger says so');

-- A user that is erased leaves no trace.
SELECT stream_ban_user('ann', 'dan'), stream_ban_user('cat', 'ann', channel_cid => 'team:trio') \g /dev/null
SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', new_owner => 'nora', new_call_owner => 'nora') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is_empty($$SELECT * FROM stream_verify_erasure('ann')$$, 'a user that is erased leaves no trace in bans');
SELECT is((SELECT banned_by_id FROM stream.bans WHERE target_user_id = 'cat' AND channel_cid = 'team:trio'), NULL, 'a ban by it stays, by nobody');

SELECT * FROM finish();
ROLLBACK;
