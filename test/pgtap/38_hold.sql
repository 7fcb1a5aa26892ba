-- Legal hold: whoever is under one can't be pruned, hard-deleted or robbed of data by the deletion of
-- somebody else, and a hold that comes too late is refused.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
CREATE EXTENSION IF NOT EXISTS stream_users_pgtap;
RESET client_min_messages;
\ir lib/refused.sql
\ir lib/world.sql
CREATE OR REPLACE FUNCTION pg_temp.contents() RETURNS text LANGUAGE sql AS 'SELECT pg_temp.everything_and_queue()';

SELECT * FROM no_plan();

-- Placing, listing, ending
SELECT is(stream_hold_user('ann', 'case 7') #- '{duration}' #- '{hold,created_at}',
          jsonb_build_object('hold', jsonb_build_object('user_id', 'ann', 'reason', 'case 7', 'created_by', session_user)),
          'a hold is answered with who is held, why, and who did it');
SELECT is(stream_hold_user('ann', 'case 8') #>> '{hold,reason}', 'case 8', 'a second hold replaces the reason');
SELECT stream_hold_user('ben', 'case 9') \g /dev/null
UPDATE stream.holds SET created_at = '2024-01-01' WHERE user_id = 'ben';
SELECT is((SELECT jsonb_agg(h - 'created_by' - 'created_at' ORDER BY n)
             FROM jsonb_array_elements(stream_list_holds() -> 'holds') WITH ORDINALITY AS l (h, n)),
          '[{"user_id": "ben", "reason": "case 9"}, {"user_id": "ann", "reason": "case 8"}]', 'holds are listed, the oldest first');
SELECT is((SELECT h -> 'created_at' FROM jsonb_array_elements(stream_list_holds() -> 'holds') AS h WHERE h ->> 'user_id' = 'ben'),
          '1704067200000000000', 'with their times in nanoseconds');
SELECT is(stream_release_user('ben') - 'duration', '{"user_id": "ben"}', 'a hold ends');
SELECT is((SELECT array_agg(user_id) FROM stream.holds), '{ann}', 'and others stay');
SELECT pg_temp.refused($$SELECT stream_release_user('ben')$$, 'ReleaseUser', 4, 'id', 'ben', 'a hold that is not there can''t be ended');
SELECT pg_temp.refused($$SELECT stream_release_user('nobody')$$, 'ReleaseUser', 16, 'id', 'nobody', 'nor that of an unknown user');
SELECT pg_temp.refused($$SELECT stream_release_user(NULL)$$, 'ReleaseUser', 4, 'id', NULL, 'nor that of nobody');
SELECT pg_temp.refused($$SELECT stream_hold_user('nobody', 'x')$$, 'HoldUser', 16, 'id', 'nobody', 'an unknown user can''t be held');
SELECT pg_temp.refused($$SELECT stream_hold_user(NULL, 'x')$$, 'HoldUser', 4, 'id', NULL, 'nor can nobody');
SELECT pg_temp.refused($$SELECT stream_hold_user('ben', NULL)$$, 'HoldUser', 4, 'reason', 'ben', 'a hold needs a reason');
SELECT pg_temp.refused($$SELECT stream_hold_user('ben', '')$$, 'HoldUser', 4, 'reason', 'ben', 'that is not empty');

-- What a held user is safe from: every combination of modes in which something is erased or emptied
CREATE TEMPORARY TABLE combinations AS
SELECT row_number() OVER () AS n, format('%L, %L, %L, %L', u, m, c, v) AS modes,
       'hard' IN (u, m, c, v) OR 'pruning' IN (u, m) AS erases
  FROM unnest('{"",soft,pruning,hard}'::text[]) AS u, unnest('{"",soft,pruning,hard}'::text[]) AS m,
       unnest('{"",soft,hard}'::text[]) AS c, unnest('{"",soft,hard}'::text[]) AS v
 WHERE u || m || c || v <> '' AND (u <> 'hard' OR (m = 'hard' AND c = 'hard'));
SELECT pg_temp.refused(format('SELECT stream_delete_users(''{eve,ann}'', %s)', modes), 'DeleteUsers', 17, 'ids[1]', 'ann',
                       format('with %s a held user can''t be deleted', modes))
  FROM combinations WHERE erases ORDER BY n;
SELECT pg_temp.refused($$SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', dry_run => true)$$,
                       'DeleteUsers', 17, 'ids[0]', 'ann', 'nor can that be tried dry');
CREATE FUNCTION pg_temp.works(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE call;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN 'works';
END
$$;
SELECT is(pg_temp.works(format('SELECT stream_delete_users(''{eve,ann}'', %s)', modes)), 'works', format('with %s it can', modes))
  FROM combinations WHERE NOT erases ORDER BY n;
SELECT is((SELECT count(*) FROM combinations WHERE NOT erases), 15::bigint, 'soft deletion stays possible in 15 ways');

-- What it is safe from when others are deleted: conversations and calls of two
SELECT pg_temp.refused($$SELECT stream_delete_users('{eve,cat}', NULL, NULL, 'hard', NULL)$$, 'DeleteUsers', 17, 'ids[1]', 'ann',
                       'a conversation with a held user can''t be erased');
SELECT pg_temp.refused($$SELECT stream_delete_users('{dan}', NULL, NULL, NULL, 'hard')$$, 'DeleteUsers', 17, 'ids[0]', 'ann',
                       'nor can a call with one');
SELECT pg_temp.refused($$SELECT stream_delete_users('{ben}', 'hard', 'hard', 'hard', 'hard')$$, 'DeleteUsers', 17, 'ids[0]', 'ann',
                       'nor can a user be hard-deleted who has one');
SELECT is(pg_temp.works($$SELECT stream_delete_users('{cat}', 'pruning', 'hard', 'soft', 'soft')$$), 'works',
          'what leaves conversations and calls there stays possible');
SELECT is(pg_temp.works($$SELECT stream_delete_users('{nora,eve}', 'hard', 'hard', 'hard', 'hard')$$), 'works',
          'and so does everything for users who share none');
SAVEPOINT held;
UPDATE stream.channel_members SET deleted_at = now() WHERE cid = 'team:trio' AND user_id = 'ann';
DELETE FROM stream.call_members WHERE user_id = 'ann';
DELETE FROM stream.channel_members WHERE user_id = 'ann' AND cid <> 'team:trio';
SELECT pg_temp.refused($$SELECT stream_delete_users('{ben}', 'hard', 'hard', 'hard')$$, 'DeleteUsers', 17, 'ids[0]', 'ann',
                       'a conversation that a held user has left is protected too');
ROLLBACK TO held;
SELECT stream_release_user('ann') \g /dev/null
SELECT is(pg_temp.works($$SELECT stream_delete_users('{ann,ben}', 'hard', 'hard', 'hard', 'hard')$$), 'works',
          'without the hold all of that is possible');

-- A channel that becomes a conversation only after the call is left alone by the task.
DELETE FROM stream.channel_members WHERE user_id = 'ann' AND cid LIKE 'dm:%';
DELETE FROM stream.channel_members WHERE cid = 'team:duo';
DELETE FROM stream.call_members WHERE user_id = 'ann' AND call_cid <> 'call:trio';
SELECT stream_hold_user('ann', 'case 7'), stream_delete_users('{ben}', 'hard', 'hard', 'hard', 'hard') ->> 'task_id' AS task \gset
DELETE FROM stream.channel_members WHERE cid = 'team:trio' AND user_id = 'cat';
DELETE FROM stream.call_members WHERE call_cid = 'call:trio' AND user_id = 'cat';
SELECT count(*) AS of_ann FROM stream.messages WHERE cid = 'team:trio' AND user_id = 'ann' \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.ended(:'task'), 'completed', 'the deletion of the other member completes');
SELECT is((SELECT count(*) FROM stream.messages WHERE cid = 'team:trio' AND user_id = 'ann'), :of_ann::bigint,
          'and leaves a conversation with a held user that came to be after the call');
SELECT is((SELECT count(*) FROM stream.calls WHERE cid = 'call:trio'), 1::bigint, 'and such a call');
SELECT no_trace_of('ben', 'but nothing of the deleted user');
ROLLBACK TO held;
SELECT stream_release_user('ann') \g /dev/null

-- An application's table whose rows a soft deletion erases
SAVEPOINT bound;
CREATE TABLE hold_sessions (id integer PRIMARY KEY, user_id text);
CREATE INDEX ON hold_sessions (user_id);
SELECT stream_bind_table('hold_sessions', 'user_id', 'personal', soft => 'delete') \g /dev/null
SELECT stream_delete_users('{eve}') ->> 'task_id' AS task \gset
SELECT pg_temp.refused($$SELECT stream_hold_user('eve', 'late')$$, 'HoldUser', 17, 'id', 'eve',
                       'a soft deletion that erases rows of a bound table is in the way of a hold');
SELECT stream_hold_user('ben', 'x') \g /dev/null
SELECT pg_temp.refused($$SELECT stream_delete_users('{ben}')$$, 'DeleteUsers', 17, 'ids[0]', 'ben', 'and a hold in the way of it');
SELECT is(pg_temp.works($$SELECT stream_delete_users('{ben}', NULL, 'soft', 'soft', 'soft')$$), 'works',
          'where it leaves that table alone it is not');
ROLLBACK TO bound;

-- A hold that comes too late
SAVEPOINT free;
SELECT stream_delete_users('{ben}', NULL, 'pruning', NULL, NULL) ->> 'task_id' AS task \gset
SELECT pg_temp.refused($$SELECT stream_hold_user('ben', 'late')$$, 'HoldUser', 17, 'id', 'ben',
                       'a user whose data is about to be emptied can''t be held');
SELECT throws_like($$SELECT stream_hold_user('ben', 'late')$$, '%by task "' || :'task' || '"%', 'and the task is named');
UPDATE stream.tasks SET status = 'running' WHERE id = :'task';
SELECT pg_temp.refused($$SELECT stream_hold_user('ben', 'late')$$, 'HoldUser', 17, 'id', 'ben', 'nor one whose data is being emptied');
UPDATE stream.tasks SET status = 'pending' WHERE id = :'task';
SELECT stream_cancel_task(:'task') \g /dev/null
SELECT is(stream_hold_user('ben', 'in time') #>> '{hold,reason}', 'in time', 'once the task is cancelled it can');
SELECT pg_temp.refused(format('SELECT stream_retry_task(%L)', :'task'), 'RetryTask', 17, 'id', 'ben',
                       'then the task can''t be retried');
SELECT stream_release_user('ben') \g /dev/null
SELECT is(stream_retry_task(:'task') ->> 'status', 'pending', 'until the hold is over');
ROLLBACK TO free;

SELECT stream_delete_users('{ben}') \g /dev/null
SELECT is(stream_hold_user('ben', 'x') #>> '{hold,user_id}', 'ben', 'a user that is being soft-deleted can be held');
SELECT is(stream_restore_users('{ben}') ? 'task_id', true, 'and restored');
ROLLBACK TO free;

SELECT stream_delete_users('{cat}', NULL, NULL, 'hard', NULL) ->> 'task_id' AS task \gset
SELECT pg_temp.refused($$SELECT stream_hold_user('ann', 'late')$$, 'HoldUser', 17, 'id', 'ann',
                       'nor can a user be held whose conversation is about to be erased with its other member');
SELECT is(stream_hold_user('eve', 'x') #>> '{hold,user_id}', 'eve', 'others can');
SELECT stream_cancel_task(:'task'), stream_hold_user('ann', 'in time') \g /dev/null
SELECT pg_temp.refused(format('SELECT stream_retry_task(%L)', :'task'), 'RetryTask', 17, 'id', 'ann',
                       'a deletion of the other member can''t be retried under the hold either');
ROLLBACK TO free;
SELECT stream_delete_users('{dan}', NULL, NULL, NULL, 'hard') \g /dev/null
SELECT pg_temp.refused($$SELECT stream_hold_user('ann', 'late')$$, 'HoldUser', 17, 'id', 'ann', 'nor one whose call is');
ROLLBACK TO free;
SELECT stream_delete_users('{cat}', NULL, NULL, 'hard', NULL) ->> 'task_id' AS task \gset
UPDATE stream.channels SET deleted_by_task = :'task' WHERE cid = 'dm:ann-cat';
DELETE FROM stream.channel_members WHERE user_id = 'cat';
SELECT pg_temp.refused($$SELECT stream_hold_user('ann', 'late')$$, 'HoldUser', 17, 'id', 'ann',
                       'nor one whose conversation has been claimed already, and left by the other member');
ROLLBACK TO free;

-- However a task comes back to the queue: a worker that takes it up looks too.
SELECT stream_delete_users('{ben}', NULL, 'hard', NULL, NULL) ->> 'task_id' AS task \gset
INSERT INTO stream.holds (user_id, reason) VALUES ('ben', 'x');
SELECT count(*) AS of_ben FROM stream.messages WHERE user_id = 'ben' \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.ended(:'task'), 'failed: user "ben" is under legal hold', 'a deletion that meets a hold fails');
SELECT is((SELECT count(*) FROM stream.messages WHERE user_id = 'ben'), :of_ben::bigint, 'and has erased nothing');

SELECT * FROM finish();
ROLLBACK;
