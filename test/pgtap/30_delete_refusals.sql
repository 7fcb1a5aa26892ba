-- What stream_delete_users and stream_restore_users refuse: each refusal changes nothing at all.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql
\ir lib/world.sql

-- Here a refused call must leave every table as it was, the queue too, and write no row anew.
CREATE OR REPLACE FUNCTION pg_temp.contents() RETURNS text LANGUAGE sql AS 'SELECT pg_temp.everything_and_queue()';

-- One user for each way to be deleted: asked for, and brought to its end.
SELECT stream_upsert_users('[{"id":"soft-new"},{"id":"soft"},{"id":"pruned"},{"id":"erasing"},{"id":"erased"}]') \g /dev/null
SELECT stream_delete_users('{soft}'), stream_delete_users('{pruned}', 'pruning', 'pruning'),
       stream_delete_users('{erased}', 'hard', 'hard', 'hard', 'hard') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_delete_users('{soft-new}'), stream_delete_users('{erasing}', 'hard', 'hard', 'hard', 'hard') \g /dev/null

CREATE TEMPORARY TABLE refusals (
    n integer GENERATED ALWAYS AS IDENTITY, call text, operation text, code integer, path text, id text, rule text);

-- Modes, in the order user, messages, conversations, calls. Each kind of data knows its own.
CREATE TEMPORARY TABLE modes (n integer, argument text, legal text[]);
INSERT INTO modes VALUES (1, 'user_mode', '{soft,pruning,hard}'), (2, 'messages_mode', '{soft,pruning,hard}'),
                         (3, 'conversations_mode', '{soft,hard}'), (4, 'calls_mode', '{soft,hard}');
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT stream_delete_users(''{ann}'', %s => %L)', argument, mode), 'DeleteUsers', 4, argument, NULL,
       format('%s %L is refused', argument, mode)
  FROM modes, unnest('{soft,pruning,hard,Soft,HARD,prune,none,null," "," soft"}'::text[]) AS mode
 WHERE mode <> ALL (legal)
 ORDER BY modes.n, mode;

-- Every combination of modes in which a hard user would leave messages or conversations behind.
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT stream_delete_users(''{ann}'', ''hard'', %L, %L, %L)', messages, conversations, calls), 'DeleteUsers', 4,
       CASE WHEN messages = 'hard' THEN 'conversations_mode' ELSE 'messages_mode' END, NULL,
       format('user_mode hard is refused with messages %L, conversations %L, calls %L', messages, conversations, calls)
  FROM unnest('{NULL,"",soft,pruning,hard}'::text[]) AS messages,
       unnest('{NULL,"",soft,hard}'::text[]) AS conversations,
       unnest('{NULL,soft,hard}'::text[]) AS calls
 WHERE (messages = 'hard' AND conversations = 'hard') IS NOT TRUE
 ORDER BY messages, conversations, calls;

-- Nothing to delete
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT stream_delete_users(''{ann}'', %L, %L, %L, %L)', a, b, c, d), 'DeleteUsers', 4, 'user_mode', NULL,
       format('nothing to delete is refused: user %L, messages %L, conversations %L, calls %L', a, b, c, d)
  FROM unnest('{NULL,""}'::text[]) AS a, unnest('{NULL,""}'::text[]) AS b, unnest('{NULL,""}'::text[]) AS c,
       unnest('{NULL,""}'::text[]) AS d;

-- Lists of users, which both functions read alike
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT %s(%s)', function, ids), operation, code, path, id, format(rule, verb)
  FROM (VALUES ('stream_delete_users', 'DeleteUsers', 'delete', 'eve'),
               ('stream_restore_users', 'RestoreUsers', 'restore', 'soft')) AS f (function, operation, verb, good),
       LATERAL (VALUES (1, '''{}''', 4, 'ids', NULL, 'a %s of nobody is refused'),
                       (2, 'NULL', 4, 'ids', NULL, 'a %s without a list is refused'),
                       (3, format('''{%s,NULL}''', good), 4, 'ids[1]', NULL, 'a %s of a null id is refused'),
                       (4, format('''{%s,nobody}''', good), 16, 'ids[1]', 'nobody', 'a %s of an unknown user is refused'),
                       (5, '''{nobody,nobody2}''', 16, 'ids[0]', 'nobody', 'a %s names the first unknown user'),
                       (6, format('''{%s,""}''', good), 16, 'ids[1]', NULL, 'a %s of an empty id is refused'),
                       (7, format('''{%s,erased}''', good), 16, 'ids[1]', 'erased', 'a %s of a user who was erased is refused'),
                       (8, format('''{soft-new,%s,%1$s}''', good), 4, 'ids[2]', good, 'a %s of a user named twice is refused'))
       AS r (n, ids, code, path, id, rule)
 ORDER BY r.n, f.function;

-- Deleted users: only a stronger deletion is taken.
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT stream_delete_users(%L, %L, %L, %L)', ARRAY['eve', id], mode, data, data), 'DeleteUsers', 4, 'ids[1]', id,
       format('deleting %s is refused with user_mode %L', who, mode)
  FROM (VALUES ('soft', 'a soft-deleted user', '{soft}'::text[]),
               ('soft-new', 'a user whose soft deletion is still to run', '{soft}'),
               ('pruned', 'a pruned user', '{soft,pruning}'),
               ('erasing', 'a user being hard-deleted', '{soft,pruning,hard}')) AS u (id, who, refused),
       unnest(refused) AS mode, LATERAL (SELECT CASE WHEN mode = 'hard' THEN 'hard' ELSE 'soft' END) AS d (data);

-- New owners
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT stream_delete_users(''{ann,ben}'', ''hard'', ''hard'', ''hard'', ''hard'', %s => %L)', argument, id),
       'DeleteUsers', code, argument, NULLIF(id, ''), format('%s is refused for %s', who, argument)
  FROM unnest('{new_owner,new_call_owner}'::text[]) AS argument,
       (VALUES ('nobody', 16, 'an unknown user'), ('', 16, 'an empty id'), ('soft', 4, 'a soft-deleted user'), ('pruned', 4, 'a pruned user'),
               ('erasing', 4, 'a user being hard-deleted'), ('erased', 16, 'a user who was erased'),
               ('ben', 4, 'a user who is deleted by the same call')) AS o (id, code, who)
 ORDER BY argument, o;

-- The same holds when nothing was to be done anyway.
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT call || ', dry_run => true)', operation, code, path, id, rule || ' by a dry run too'
  FROM (SELECT rtrim(call, ')') AS call, operation, code, path, id, rule, n FROM refusals WHERE operation = 'DeleteUsers') AS r
 WHERE path IN ('ids', 'ids[1]', 'new_owner', 'calls_mode') ORDER BY n;

-- Restoring
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT stream_restore_users(%L)', ids), 'RestoreUsers', 4, format('ids[%s]', at), ids[at + 1], rule
  FROM (VALUES ('{soft,ann}'::text[], 1, 'restoring a user who is not deleted is refused'),
               ('{idle,soft}', 0, 'restoring a deactivated user is refused'),
               ('{soft,soft-new,pruned}', 2, 'restoring a pruned user is refused'),
               ('{erasing,soft}', 0, 'restoring a user being hard-deleted is refused'),
               ('{soft,pruned,ann}', 1, 'the first user who can''t be restored is named')) AS r (ids, at, rule);

SELECT plan((SELECT count(*)::integer FROM refusals) + 7);

SELECT pg_temp.refused(call, operation, code, path, id, rule) FROM refusals ORDER BY n;

SELECT throws_ok('SELECT stream_restore_users(''{ann}'')', 'ST004',
                 'RestoreUsers failed with error: "user "ann" is not deleted, it can''t be restored"',
                 'the message of a refused restore is the API''s');
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
SELECT matches(pg_temp.hint_of('SELECT stream_delete_users(''{ann}'', ''hard'')'), 'messages_mode.*conversations_mode.*hard',
               'a hard user without hard data is refused with a hint');

-- What is not refused, so that the refusals above are refused for their own reason
SELECT lives_ok('SELECT stream_delete_users(''{soft-new,pruned}'', ''hard'', ''hard'', ''hard'')',
                'a stronger deletion of a soft-deleted and of a pruned user is taken');
SELECT lives_ok('SELECT stream_delete_users(''{soft}'', NULL, ''hard'')',
                'deleting only the data of a soft-deleted user is taken');
SELECT lives_ok('SELECT stream_delete_users(''{ann}'', '''', ''soft'', '''', '''')', 'an empty mode is no mode');
SELECT is((SELECT deleted_at FROM stream.users WHERE id = 'ann'), NULL, 'an empty user_mode deletes only data');
SELECT lives_ok('SELECT stream_delete_users(''{ben}'', ''hard'', ''hard'', ''hard'', ''hard'', ''idle'', ''cat'')',
                'a deactivated user can be the new owner');

SELECT * FROM finish();
ROLLBACK;
