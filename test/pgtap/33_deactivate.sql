-- Deactivating and reactivating, one user and many.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
CREATE EXTENSION IF NOT EXISTS stream_users_pgtap;
RESET client_min_messages;
\ir lib/refused.sql
\ir lib/world.sql

CREATE OR REPLACE FUNCTION pg_temp.contents() RETURNS text LANGUAGE sql AS 'SELECT pg_temp.everything_and_queue()';

-- One user for each way to be deleted.
SELECT stream_upsert_users('[{"id":"soft"},{"id":"pruned"},{"id":"erasing"}]') \g /dev/null
SELECT stream_delete_users('{soft}'), stream_delete_users('{pruned}', 'pruning', 'pruning') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_delete_users('{erasing}', 'hard', 'hard', 'hard', 'hard') ->> 'task_id' AS erasing \gset
SELECT stream_cancel_task(:'erasing') \g /dev/null

CREATE TEMPORARY TABLE before AS SELECT * FROM pg_temp.everything();
CREATE FUNCTION pg_temp.changed() RETURNS text[] LANGUAGE sql AS $$
    SELECT COALESCE(array_agg(concat_ws(' ', relation, key)), '{}') FROM pg_temp.differences('before')
$$;

-- The rows that a deactivation marks: what the users wrote, and their conversations, unless deleted before.
CREATE FUNCTION pg_temp.written_by(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', relation, key) FROM before
     WHERE relation IN ('stream.messages', 'stream.activities', 'stream.comments')
       AND contents ->> 'user_id' = ANY (users) AND contents ->> 'deleted_at' IS NULL
$$;
CREATE FUNCTION pg_temp.conversations_of(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT 'stream.channels ' || cid
      FROM (SELECT contents ->> 'cid' AS cid, contents ->> 'user_id' AS user_id FROM before
             WHERE relation = 'stream.channel_members' AND contents ->> 'deleted_at' IS NULL) AS m
      JOIN (SELECT contents ->> 'cid' AS cid FROM before
             WHERE relation = 'stream.channels' AND contents ->> 'deleted_at' IS NULL) AS c USING (cid)
     GROUP BY cid HAVING count(*) = 2 AND bool_or(user_id = ANY (users))
$$;
CREATE FUNCTION pg_temp.users_named(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT 'stream.users ' || id FROM unnest(users) AS id
$$;
CREATE FUNCTION pg_temp.keys(object jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(object) AS key
$$;

-- Refusals
CREATE TEMPORARY TABLE refusals (
    n integer GENERATED ALWAYS AS IDENTITY, call text, operation text, code integer, path text, id text, rule text);
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT stream_%s_user(%L%s)', f.verb, r.id, r.more), initcap(f.verb) || 'User', code, path, named,
       format('%s is refused for one user: %s', f.noun, rule)
  FROM (VALUES ('deactivate', 'deactivation', 'ann', 'idle', 'deactivated already'),
               ('reactivate', 'reactivation', 'idle', 'ann', 'not deactivated')) AS f (verb, noun, good, bad, state),
       LATERAL (VALUES (1, NULL, '', 4, 'id', NULL, 'null'),
                       (2, 'nobody', '', 16, 'id', 'nobody', 'unknown'),
                       (3, '', '', 16, 'id', NULL, 'empty id'),
                       (4, f.bad, '', 4, 'id', f.bad, f.state),
                       (5, 'soft', '', 4, 'id', 'soft', 'soft-deleted'),
                       (6, 'pruned', '', 4, 'id', 'pruned', 'pruned'),
                       (7, 'erasing', '', 4, 'id', 'erasing', 'being hard-deleted'),
                       (8, f.good, ', created_by_id => ''nobody''', 16, 'created_by_id', 'nobody', 'by an unknown user'),
                       (9, f.good, ', created_by_id => ''soft''', 4, 'created_by_id', 'soft', 'by a soft-deleted user'),
                       (10, f.good, ', created_by_id => ''pruned''', 4, 'created_by_id', 'pruned', 'by a pruned user'))
       AS r (n, id, more, code, path, named, rule)
 ORDER BY f.verb, r.n;
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT stream_%s_users(%L%s)', f.verb, r.ids, r.more), initcap(f.verb) || 'Users', code, path, named,
       format('%s is refused for many: %s', f.noun, rule)
  FROM (VALUES ('deactivate', 'deactivation', 'ann', 'idle', 'one is deactivated already'),
               ('reactivate', 'reactivation', 'idle', 'ann', 'one is not deactivated')) AS f (verb, noun, good, bad, state),
       LATERAL (VALUES (1, NULL::text[], '', 4, 'ids', NULL, 'no list'),
                       (2, '{}', '', 4, 'ids', NULL, 'nobody'),
                       (3, ARRAY[f.good, NULL], '', 4, 'ids[1]', NULL, 'one is null'),
                       (4, ARRAY[f.good, f.good], '', 4, 'ids[1]', f.good, 'one is named twice'),
                       (5, ARRAY[f.good, 'nobody'], '', 16, 'ids[1]', 'nobody', 'one is unknown'),
                       (6, ARRAY[f.good, f.bad], '', 4, 'ids[1]', f.bad, f.state),
                       (7, ARRAY[f.good, 'soft'], '', 4, 'ids[1]', 'soft', 'one is soft-deleted'),
                       (8, ARRAY[f.good, 'pruned'], '', 4, 'ids[1]', 'pruned', 'one is pruned'),
                       (9, ARRAY[f.good, 'erasing'], '', 4, 'ids[1]', 'erasing', 'one is being hard-deleted'),
                       (10, ARRAY[f.good], ', created_by_id => ''nobody''', 16, 'created_by_id', 'nobody', 'by an unknown user'),
                       (11, ARRAY[f.good], ', created_by_id => ''pruned''', 4, 'created_by_id', 'pruned', 'by a pruned user'))
       AS r (n, ids, more, code, path, named, rule)
 ORDER BY f.verb, r.n;

SELECT plan((SELECT count(*)::integer FROM refusals) + 55);

SELECT pg_temp.refused(call, operation, code, path, id, rule) FROM refusals ORDER BY n;

-- One user, at once
SAVEPOINT world;
CREATE TEMPORARY TABLE answer AS SELECT stream_deactivate_user('ann', created_by_id => 'cat') AS a;
SELECT is((SELECT pg_temp.keys(a) FROM answer), 'duration user', 'deactivating one user answers with the user');
SELECT is((SELECT pg_temp.keys(a -> 'user') FROM answer),
          'avg_response_time banned blocked_user_ids created_at custom deactivated_at id image invisible language last_active'
          ' name online privacy_settings push_notifications revoke_tokens_issued_before role shadow_banned teams teams_role updated_at',
          'in short form: without devices, mutes, channel mutes and unread counters');
SELECT is((SELECT (a -> 'user' ->> 'deactivated_at')::bigint / 1000 FROM answer),
          (SELECT (extract(epoch FROM deactivated_at) * 1000000)::bigint FROM stream.users WHERE id = 'ann'),
          'and says since when the user is deactivated');
SELECT is((SELECT a -> 'user' -> 'online' FROM answer), 'false', 'a deactivated user is offline');
SELECT is(pg_temp.changed(), '{"stream.users ann"}', 'without marks nothing else changes');
SELECT is((SELECT deactivated_by_id FROM stream.users WHERE id = 'ann'), 'cat', 'who did it is kept');
SELECT is((SELECT to_jsonb(u) - '{deactivated_at,deactivated_by_id,deactivated_by_task,online,updated_at}'::text[] FROM stream.users AS u WHERE id = 'ann'),
          (SELECT contents - '{deactivated_at,deactivated_by_id,deactivated_by_task,online,updated_at}'::text[] FROM before
            WHERE relation = 'stream.users' AND key = 'ann'), 'all data of the user stays');
SELECT ok((SELECT updated_at > '2024-01-01' FROM stream.users WHERE id = 'ann'), 'deactivating moves updated_at');
SELECT is((SELECT array_agg(status) FROM stream.tasks WHERE kind = 'deactivate_users'), '{completed}', 'no work is left for a worker');

-- Reading deactivated users
SELECT user_is_deactivated('ann', 'the user is deactivated');
SELECT is(stream_get_user('ann') ->> 'id', 'ann', 'get returns a deactivated user');
SELECT ok(stream_get_users('{ann,cat}') -> 'users' ? 'ann', 'so does get of many');
SELECT is(jsonb_path_query_array(stream_query_users('{"filter_conditions": {"id": {"$in": ["ann", "idle", "cat"]}}}'), '$.users[*].id'),
          '["cat"]', 'query leaves deactivated users out');
SELECT is(jsonb_path_query_array(stream_query_users('{"filter_conditions": {"id": {"$in": ["ann", "idle", "cat"]}}, "sort": [{"field": "id", "direction": 1}],
                                                      "include_deactivated_users": true}'), '$.users[*].id'),
          '["ann", "cat", "idle"]', 'query returns them when they are asked for');
SELECT pg_temp.refused('SELECT stream_deactivate_user(''ann'')', 'DeactivateUser', 4, 'id', 'ann', 'deactivating twice is refused');

CREATE TEMPORARY TABLE back AS SELECT stream_reactivate_user('ann', created_by_id => 'cat') AS a;
SELECT is((SELECT pg_temp.keys(a) FROM back), 'duration user', 'reactivating one user answers with the user');
SELECT is((SELECT pg_temp.keys(a -> 'user') FROM back),
          'avg_response_time banned blocked_user_ids created_at custom id image invisible language last_active'
          ' name online privacy_settings push_notifications revoke_tokens_issued_before role shadow_banned teams teams_role updated_at',
          'in short form, without deactivated_at');
SELECT user_is_active('ann', 'reactivating brings the user back');
SELECT is(pg_temp.changed(), '{}', 'a user who is back is as before');
SELECT pg_temp.refused('SELECT stream_reactivate_user(''ann'')', 'ReactivateUser', 4, 'id', 'ann', 'reactivating twice is refused');
ROLLBACK TO world;

SELECT is(stream_reactivate_user('idle', name => 'Busy') -> 'user' ->> 'name', 'Busy', 'reactivating can give a name');
SELECT user_has('idle', 'name', '"Busy"', 'which is kept');
SELECT is((SELECT ARRAY[deactivated_at::text, deactivated_by_id, deactivated_by_task::text] FROM stream.users WHERE id = 'idle'),
          '{NULL,NULL,NULL}', 'a user who is back bears no trace of the deactivation');
ROLLBACK TO world;
SELECT is(stream_reactivate_user('idle') -> 'user' ->> 'name', 'Idle', 'without one the name stays');
ROLLBACK TO world;

-- Marks of one user's deactivation
SELECT stream_deactivate_user('ann', true) \g /dev/null
SELECT set_eq('SELECT unnest(pg_temp.changed())',
              'SELECT pg_temp.written_by(''{ann}'') UNION SELECT pg_temp.users_named(''{ann}'')',
              'marking messages marks what the user wrote, and nothing else');
SELECT is((SELECT array_agg(concat_ws(' ', relation, key)) FROM pg_temp.everything() AS e JOIN before AS b USING (relation, key)
            WHERE e.contents - '{deleted_at,deleted_by_task}'::text[] <> b.contents - '{deleted_at,deleted_by_task}'::text[]),
          '{"stream.users ann"}', 'by setting the marks of these rows only');
SELECT stream_reactivate_user('ann') \g /dev/null
SELECT set_eq('SELECT unnest(pg_temp.changed())', 'SELECT pg_temp.written_by(''{ann}'')',
              'reactivating without restoring leaves them marked');
SELECT stream_deactivate_user('ann', true) \g /dev/null
SELECT stream_reactivate_user('ann', true) \g /dev/null
SELECT set_eq('SELECT unnest(pg_temp.changed())', 'SELECT pg_temp.written_by(''{ann}'')',
              'a later reactivation does not restore what an earlier deactivation had marked');
ROLLBACK TO world;

SELECT stream_deactivate_user('ann', true) \g /dev/null
INSERT INTO stream.messages (cid, id, user_id, deleted_at) VALUES ('team:trio', 'other', 'cat', '2024-03-03');
UPDATE stream.messages SET deleted_at = '2024-03-03' WHERE id = 'ac2';
SELECT stream_reactivate_user('ann', true) \g /dev/null
SELECT is(pg_temp.changed(), '{"stream.messages dm:ann-cat ac2","stream.messages team:trio other"}',
          'restoring gives back the same rows, and nothing that was deleted before or by other means');
ROLLBACK TO world;

-- Many users, by a task
SELECT stream_deactivate_users('{ann,ben}', true, true, 'cat') AS a \gset
SELECT is(pg_temp.keys(:'a'), 'duration task_id', 'deactivating many answers with a task');
SELECT is(pg_temp.changed(), '{}', 'nothing changes before the task runs');
SELECT task_completes(:'a'::jsonb ->> 'task_id', description => 'the task completes');
SELECT set_eq('SELECT unnest(pg_temp.changed())',
              'SELECT pg_temp.written_by(''{ann,ben}'') UNION SELECT pg_temp.conversations_of(''{ann,ben}'')
               UNION SELECT pg_temp.users_named(''{ann,ben}'')',
              'it deactivates the users, and marks what they wrote and their conversations, and nothing else');
SELECT is((SELECT array_agg(deactivated_by_id ORDER BY id) FROM stream.users WHERE id IN ('ann', 'ben')), '{cat,cat}',
          'who did it is kept for all');
SELECT is(stream_get_task((:'a'::jsonb ->> 'task_id')::uuid) -> 'result' -> 'counts',
          (SELECT jsonb_object_agg(relation, jsonb_build_object(CASE relation WHEN 'stream.users' THEN 'deactivated' ELSE 'soft' END, n))
             FROM (SELECT relation, count(*) AS n FROM pg_temp.differences('before') GROUP BY relation) AS d),
          'the task counts what it changed');
SAVEPOINT deactivated;

SELECT stream_reactivate_users('{ann,ben}', true, true, 'cat') AS a \gset
SELECT is(pg_temp.keys(:'a'), 'duration task_id', 'reactivating many answers with a task');
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.changed(), '{}', 'restoring messages and channels gives back the same rows');
ROLLBACK TO deactivated;

SELECT stream_reactivate_users('{ann,ben}', true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT set_eq('SELECT unnest(pg_temp.changed())', 'SELECT pg_temp.conversations_of(''{ann,ben}'')',
              'restoring only messages leaves conversations marked');
ROLLBACK TO deactivated;

SELECT stream_reactivate_users('{ann,ben}', restore_channels => true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT set_eq('SELECT unnest(pg_temp.changed())', 'SELECT pg_temp.written_by(''{ann,ben}'')',
              'restoring only channels leaves messages marked');
ROLLBACK TO deactivated;

SELECT stream_reactivate_users('{ann}', true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT set_eq('SELECT unnest(pg_temp.changed())',
              'SELECT pg_temp.written_by(''{ben}'') UNION SELECT pg_temp.conversations_of(''{ann,ben}'')
               UNION SELECT pg_temp.users_named(''{ben}'')',
              'one of several who were deactivated together comes back alone');
SELECT stream_reactivate_user('ben', true) \g /dev/null
SELECT set_eq('SELECT unnest(pg_temp.changed())', 'SELECT pg_temp.conversations_of(''{ann,ben}'')',
              'a single reactivation restores what a deactivation of many marked');
ROLLBACK TO world;

SELECT stream_deactivate_users('{ann,eve}', true, true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_reactivate_users('{ann}', true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_reactivate_users('{eve}', true, true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT set_eq('SELECT unnest(pg_temp.changed())', 'SELECT pg_temp.conversations_of(''{ann}'')',
              'conversations that one of them left marked stay so when another''s are restored');
ROLLBACK TO world;

SELECT stream_deactivate_user('ann', true) \g /dev/null
SELECT stream_reactivate_users('{ann,idle}', true, true) \g /dev/null
SELECT set_eq('SELECT unnest(pg_temp.changed())', 'SELECT pg_temp.written_by(''{ann}'') UNION SELECT pg_temp.users_named(''{ann}'')',
              'nothing comes back before the task runs');
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.changed(), '{"stream.users idle"}', 'a reactivation of many restores what a single deactivation marked');
ROLLBACK TO world;

SET LOCAL stream_users.chunk_rows = 1;
SELECT stream_deactivate_users('{ann,ben,cat}', true, true) \g /dev/null
SELECT stream_reactivate_users('{idle}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_reactivate_users('{ann,ben,cat}', true, true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.changed(), '{"stream.users idle"}', 'chunks of one row end in the same');
ROLLBACK TO world;

-- Calls that overtake each other
SELECT stream_deactivate_users('{ann}'), stream_deactivate_users('{ann}', true, true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_reactivate_users('{ann}', true, true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.changed(), '{}', 'of two deactivations that wait for each other only the one that deactivates marks');
ROLLBACK TO world;

SELECT stream_deactivate_users('{ann}', true, true) \g /dev/null
SELECT stream_deactivate_user('ann') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_reactivate_users('{ann}', true, true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.changed(), '{}', 'nor does one that a single deactivation has overtaken');
ROLLBACK TO world;

SELECT stream_deactivate_users('{ann,ben}', true, true) \g /dev/null
SELECT stream_delete_users('{ann}', 'soft', NULL, NULL, NULL) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT set_eq('SELECT unnest(pg_temp.changed())',
              'SELECT pg_temp.written_by(''{ben}'') UNION SELECT pg_temp.conversations_of(''{ben}'')
               UNION SELECT pg_temp.users_named(''{ann,ben}'')
               UNION SELECT concat_ws('' '', relation, key) FROM before
                      WHERE relation = ''stream.feeds'' AND contents ->> ''created_by_id'' = ''ann'' AND contents ->> ''deleted_at'' IS NULL',
              'a deactivation marks nothing of a user who has been deleted since the call');
SELECT user_is_deleted('ann', 'soft', 'who stays deleted');
SELECT is((SELECT deactivated_at FROM stream.users WHERE id = 'ann'), NULL, 'and is not deactivated');
ROLLBACK TO world;

SELECT stream_deactivate_user('ann', true) \g /dev/null
SELECT stream_reactivate_users('{ann}', true, true), stream_reactivate_user('ann', true) \g /dev/null
SELECT stream_deactivate_user('ann', true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT set_eq('SELECT unnest(pg_temp.changed())', 'SELECT pg_temp.written_by(''{ann}'') UNION SELECT pg_temp.users_named(''{ann}'')',
              'a reactivation that waited does not undo a deactivation made after it');
ROLLBACK TO world;

-- Deactivations that did not end well
CREATE FUNCTION pg_temp.jam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'jammed'; END $$;
CREATE TRIGGER jam BEFORE UPDATE ON stream.comments FOR EACH ROW WHEN (NEW.id = 'p9-c5') EXECUTE FUNCTION pg_temp.jam();
SET LOCAL stream_users.chunk_rows = 2;
SELECT stream_deactivate_users('{ann,ben}', true, true) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
DROP TRIGGER jam ON stream.comments;
SELECT is(pg_temp.ended(:'task'), 'failed: jammed', 'a deactivation that fails half way');
SELECT stream_reactivate_users('{ann,ben}', true, true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.changed(), '{}', 'is undone like any other');
SELECT stream_retry_task(:'task') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.changed(), '{}', 'and marks nothing of users who are back when it is retried');
ROLLBACK TO world;

-- A deactivated user's data can still be changed by the server.
SELECT stream_deactivate_user('ann') \g /dev/null
SELECT is(stream_upsert_users('{"id": "ann", "name": "New"}') -> 'users' -> 'ann' ? 'deactivated_at', true,
          'a deactivated user can be replaced, and stays deactivated');

SELECT * FROM finish();
ROLLBACK;
