-- Restoring brings back exactly what a deletion marked: whole rows are compared.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
CREATE EXTENSION IF NOT EXISTS stream_users_pgtap;
RESET client_min_messages;
\ir lib/world.sql

CREATE TEMPORARY TABLE before AS SELECT * FROM pg_temp.everything();

-- The rows that are not as they were before anything was deleted.
CREATE FUNCTION pg_temp.changed() RETURNS text[] LANGUAGE sql AS $$
    SELECT COALESCE(array_agg(concat_ws(' ', relation, key)), '{}') FROM pg_temp.differences('before')
$$;
CREATE PROCEDURE pg_temp.run() LANGUAGE plpgsql AS $$ BEGIN CALL stream_run_tasks(until_idle => true); END $$;

SELECT plan(32 + 49);

-- Round trips over all soft modes, for one user and for several, when the deletion has run before
-- the restore is asked for and when both still wait, in large chunks and small.
CREATE TEMPORARY TABLE trips (
    n integer GENERATED ALWAYS AS IDENTITY, users text[], m text, c text, v text, at_once boolean, chunk_rows integer,
    deleted text[], restored text[]);
INSERT INTO trips (users, m, c, v, at_once, chunk_rows)
SELECT users, m, c, v, at_once, CASE WHEN at_once THEN 3 ELSE 2000 END
  FROM (VALUES ('{ann}'::text[]), ('{ann,ben,cat}')) AS u (users), unnest('{soft,NULL}'::text[]) AS m,
       unnest('{soft,NULL}'::text[]) AS c, unnest('{soft,NULL}'::text[]) AS v, unnest('{t,f}'::boolean[]) AS at_once
 ORDER BY 1, 2, 3, 4, 5;
CREATE FUNCTION pg_temp.travel(t trips) RETURNS trips LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('stream_users.chunk_rows', t.chunk_rows::text, true);
    PERFORM stream_delete_users(t.users, 'soft', t.m, t.c, t.v);
    IF t.at_once THEN
        CALL pg_temp.run();
    END IF;
    t.deleted := pg_temp.changed();
    PERFORM stream_restore_users(t.users);
    CALL pg_temp.run();
    t.restored := pg_temp.changed();
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN t;
END
$$;
UPDATE trips AS t SET (deleted, restored) = (SELECT deleted, restored FROM pg_temp.travel(t));
SELECT is(ARRAY[CASE WHEN cardinality(deleted) > 0 THEN 'deleted' END, array_to_string(restored, ', ')], '{deleted,""}',
          format('restoring %s gives back the same rows after a deletion with messages %s, conversations %s, calls %s%s',
                 array_to_string(users, ', '), COALESCE(m, '-'), COALESCE(c, '-'), COALESCE(v, '-'),
                 CASE WHEN at_once THEN '' ELSE ' that had not begun' END))
  FROM trips ORDER BY n;

-- What the call does, and what its task
SAVEPOINT world;
SELECT stream_delete_users('{ann,eve}') ->> 'task_id' AS deletion \gset
CALL pg_temp.run();
CREATE TEMPORARY TABLE deleted AS SELECT * FROM pg_temp.everything();
CREATE TEMPORARY TABLE answer AS SELECT stream_restore_users('{ann,eve}') AS a;
SELECT is((SELECT array_agg(key ORDER BY key) FROM answer, jsonb_object_keys(a) AS key), '{duration,task_id}',
          'a restore with data to bring back answers with its task');
SELECT is((SELECT array_agg(concat_ws(' ', relation, key)) FROM pg_temp.differences('deleted')),
          '{stream.users ann,stream.users eve}', 'the call brings back the users at once, and nothing else');
SELECT ok(stream_get_user('ann') ->> 'deleted_at' IS NULL, 'a restored user is returned by default');
SELECT is((SELECT ARRAY[deleted_at::text, deleted_mode, deleted_by_task::text] FROM stream.users WHERE id = 'ann'),
          '{NULL,NULL,NULL}', 'a restored user bears no trace of the deletion');
SELECT ok((SELECT u.updated_at > d.updated FROM stream.users AS u,
                  (SELECT (contents ->> 'updated_at')::timestamptz AS updated FROM deleted WHERE relation = 'stream.users' AND key = 'ann') AS d
            WHERE u.id = 'ann'), 'restoring moves updated_at');
SELECT task_completes(a ->> 'task_id', description => 'the task completes') FROM answer;
SELECT is(pg_temp.changed(), '{}', 'and brings back the rest');
SELECT is((SELECT stream_get_task((a ->> 'task_id')::uuid) -> 'result' -> 'counts' FROM answer),
          (SELECT jsonb_object_agg(key, jsonb_build_object('restored', value -> 'soft'))
             FROM jsonb_each(stream_get_task(:'deletion') -> 'result' -> 'counts') WHERE key <> 'stream.users'),
          'the task counts as restored what the deletion counted as soft');
SELECT is((SELECT array_agg(concat_ws(' ', e.relation, e.key) ORDER BY 1)
             FROM pg_temp.everything() AS e WHERE (e.contents ->> 'deleted_at')::timestamptz = '2024-02-02'),
          (SELECT array_agg(concat_ws(' ', relation, key) ORDER BY 1)
             FROM before WHERE (contents ->> 'deleted_at')::timestamptz = '2024-02-02'),
          'rows that the application had deleted earlier stay deleted');
SELECT ok(count(DISTINCT relation) = 8, 'there are such rows in all tables with marks but users, and memberships')
  FROM before WHERE (contents ->> 'deleted_at')::timestamptz = '2024-02-02';
SELECT lives_ok($$INSERT INTO stream.messages (cid, user_id) VALUES ('dm:ann-cat', 'ann')$$, 'a restored user can write again');
ROLLBACK TO world;

SELECT stream_delete_users('{eve}') \g /dev/null
CALL pg_temp.run();
CREATE TEMPORARY TABLE answer AS SELECT stream_restore_users('{eve}') AS a;
SELECT is((SELECT array_agg(key ORDER BY key) FROM answer, jsonb_object_keys(a) AS key), '{duration}',
          'a restore with nothing to bring back answers without a task');
SELECT is((SELECT count(*) FROM stream.tasks), 1::bigint, 'and makes none');
SELECT user_is_active('eve', 'the user is back nevertheless');
SELECT is(pg_temp.changed(), '{}', 'as it was');
ROLLBACK TO world;

-- One of two users who were deleted by one task
SELECT stream_delete_users('{ann,ben}') ->> 'task_id' AS deletion \gset
CALL pg_temp.run();
CREATE TEMPORARY TABLE deleted AS SELECT * FROM pg_temp.everything();
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(concat_ws(' ', e.relation, e.key) ORDER BY e.relation, e.key) FROM pg_temp.everything() AS e
            WHERE e.contents ->> 'deleted_by_task' = :'deletion'
              AND (e.contents ->> 'user_id' = 'ann' OR e.contents ->> 'created_by_id' = 'ann' OR e.key IN ('ann', 'dm:ann-cat', 'call:ann-cat'))),
          NULL, 'everything of the one who is restored comes back');
SELECT is((SELECT array_agg(concat_ws(' ', e.relation, e.key) ORDER BY 1) FROM pg_temp.everything() AS e
            WHERE e.contents ->> 'deleted_by_task' = :'deletion'),
          (SELECT array_agg(concat_ws(' ', relation, key) ORDER BY 1) FROM deleted
            WHERE contents ->> 'deleted_by_task' = :'deletion'
              AND (contents ->> 'user_id' = 'ben'
                   OR key IN ('ben', 'user:ben_wall', 'dm:ben-cat', 'call:ben-dan', 'call:ben-dan#1', 'call:ben-dan#2'))),
          'everything of the other stays deleted');
SELECT is((SELECT count(*) FROM pg_temp.everything() AS e LEFT JOIN before AS b USING (relation, key) LEFT JOIN deleted AS d USING (relation, key)
            WHERE e.relation <> 'stream.users' AND e.contents IS DISTINCT FROM b.contents AND e.contents IS DISTINCT FROM d.contents),
          0::bigint, 'each row is either as before or as deleted');
SELECT stream_restore_users('{ben}') \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'restoring the other too gives back all rows');
ROLLBACK TO world;

-- Overlapping deletions
SELECT stream_delete_users('{ann}', NULL, 'soft', NULL, NULL) ->> 'task_id' AS data_only \gset
CALL pg_temp.run();
CREATE TEMPORARY TABLE data_deleted AS SELECT * FROM pg_temp.everything();
SELECT stream_delete_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(d::text) FROM pg_temp.differences('data_deleted') AS d), NULL,
          'what an earlier deletion of data marked stays deleted when the user''s own deletion is undone');
SELECT ok(count(*) > 0, 'that is something')
  FROM pg_temp.everything() WHERE contents ->> 'deleted_by_task' = :'data_only';
ROLLBACK TO world;

SELECT stream_delete_users('{ann}') ->> 'task_id' AS deletion \gset
SELECT stream_delete_users('{ann}', NULL, 'soft', 'soft', 'soft') \g /dev/null
CALL pg_temp.run();
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'a later deletion of data that found nothing left to mark keeps nothing deleted');
ROLLBACK TO world;

SELECT stream_delete_users('{ann}') \g /dev/null
CALL pg_temp.run();
CREATE TEMPORARY TABLE ann_deleted AS SELECT * FROM pg_temp.everything();
SELECT stream_delete_users('{cat}') \g /dev/null
CALL pg_temp.run();
SAVEPOINT two;
SELECT stream_restore_users('{cat}') \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(d::text) FROM pg_temp.differences('ann_deleted') AS d), NULL,
          'restoring the second of two deleted users leaves the first one''s data as its deletion left it, the conversation of both too');
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'restoring the first then gives back all rows');
ROLLBACK TO two;
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(concat_ws(' ', e.relation, e.key)) FROM pg_temp.everything() AS e JOIN before AS b USING (relation, key)
            WHERE e.contents ->> 'user_id' = 'cat' AND e.contents ? 'deleted_by_task' AND (e.contents ->> 'deleted_at') IS NULL),
          NULL, 'restoring the first brings back nothing that the second wrote');
SELECT stream_restore_users('{cat}') \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'in either order all rows come back');
ROLLBACK TO two;
SELECT stream_restore_users('{cat,ann}') \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'one restore undoes two deletions');
ROLLBACK TO world;

-- Deactivation and deletion
SELECT stream_deactivate_users('{ann}', true, true, 'eve') \g /dev/null
CALL pg_temp.run();
CREATE TEMPORARY TABLE deactivated AS SELECT * FROM pg_temp.everything();
SELECT stream_delete_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(d::text) FROM pg_temp.differences('deactivated') AS d), NULL,
          'a user who was deactivated before the deletion is deactivated after the restore, with what the deactivation had marked');
SELECT is(array_agg(DISTINCT relation ORDER BY relation), '{stream.activities,stream.channels,stream.comments,stream.messages,stream.users}',
          'which is the user, messages, conversations, activities and comments') FROM pg_temp.differences('before');
SELECT stream_reactivate_users('{ann}', true, true) \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'reactivating then gives back all rows');
ROLLBACK TO world;

SELECT stream_delete_users('{ann}', NULL, 'soft', 'soft', NULL) \g /dev/null
CALL pg_temp.run();
CREATE TEMPORARY TABLE data_deleted AS SELECT * FROM pg_temp.everything();
SELECT stream_deactivate_users('{ann}', true, true) \g /dev/null
CALL pg_temp.run();
SELECT stream_delete_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT stream_reactivate_users('{ann}', true, true) \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(d::text) FROM pg_temp.differences('data_deleted') AS d), NULL,
          'neither a restore nor a reactivation brings back what was deleted before by other means');
ROLLBACK TO world;

SELECT stream_deactivate_users('{ann}', true, true) \g /dev/null
SELECT stream_delete_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'a deactivation that had not begun when the user was deleted keeps nothing deleted after the restore');
ROLLBACK TO world;

SELECT stream_delete_users('{ann}') \g /dev/null
SELECT stream_restore_users('{ann}') \g /dev/null
SELECT stream_deactivate_user('ann', true) \g /dev/null
CALL pg_temp.run();
SELECT stream_reactivate_user('ann', true) \g /dev/null
SELECT is(pg_temp.changed(), '{}', 'a deactivation while deletion and restore still wait keeps nothing deleted either');
ROLLBACK TO world;

-- The world goes on while a user is deleted.
SELECT stream_delete_users('{ann}') ->> 'task_id' AS deletion \gset
CALL pg_temp.run();
UPDATE stream.messages SET deleted_at = '2024-03-03' WHERE id = 'ac2';
INSERT INTO stream.channel_members (cid, user_id) VALUES ('dm:ann-cat', 'eve');
DELETE FROM stream.channel_members WHERE cid = 'dm:ann-ben' AND user_id = 'ben';
UPDATE stream.channel_members SET deleted_at = '2024-03-03' WHERE cid = 'team:duo' AND user_id = 'ann';
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(concat_ws(' ', relation, key)) FROM pg_temp.everything() WHERE contents ->> 'deleted_by_task' = :'deletion'),
          NULL, 'conversations come back whoever joined or left them meanwhile');
SELECT is((SELECT deleted_at FROM stream.messages WHERE id = 'ac2'), '2024-03-03'::timestamptz,
          'what the application deleted meanwhile stays deleted');
ROLLBACK TO world;

SELECT stream_delete_users('{ann}') ->> 'task_id' AS deletion \gset
CALL pg_temp.run();
DELETE FROM stream.channel_members WHERE cid = 'dm:ann-cat' AND user_id = 'ann';
DELETE FROM stream.call_members WHERE call_cid = 'call:ann-cat' AND user_id = 'ann';
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(concat_ws(' ', relation, key)) FROM pg_temp.everything() WHERE contents ->> 'deleted_by_task' = :'deletion'),
          NULL, 'conversations and calls come back even when the user''s own membership was removed meanwhile');
ROLLBACK TO world;

SELECT stream_delete_users('{ann,eve}') ->> 'task_id' AS deletion \gset
CALL pg_temp.run();
DELETE FROM stream.channel_members WHERE cid = 'dm:ann-cat' AND user_id = 'ann';
DELETE FROM stream.call_members WHERE call_cid = 'call:ann-cat' AND user_id = 'ann';
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT set_has('SELECT concat_ws('' '', relation, key) FROM pg_temp.everything() WHERE contents ->> ''deleted_by_task'' = ' || quote_literal(:'deletion'),
               $$VALUES ('stream.channels dm:ann-cat'), ('stream.calls call:ann-cat')$$,
               'such rows wait for the last of the deletion''s users');
SELECT stream_restore_users('{eve}') \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(concat_ws(' ', relation, key)) FROM pg_temp.everything() WHERE contents ->> 'deleted_by_task' = :'deletion'),
          NULL, 'and come back with that one');
ROLLBACK TO world;

-- A deletion's users go different ways.
SELECT stream_delete_users('{ann,eve}') \g /dev/null
CALL pg_temp.run();
SELECT stream_delete_users('{ann}', 'pruning', 'pruning') \g /dev/null
CALL pg_temp.run();
DELETE FROM stream.channel_members WHERE cid = 'dm:ann-ben' AND user_id = 'ben';
CREATE TEMPORARY TABLE pruned AS SELECT * FROM pg_temp.everything();
SELECT stream_restore_users('{eve}') \g /dev/null
CALL pg_temp.run();
SELECT is((SELECT array_agg(concat_ws(' ', relation, key)) FROM pg_temp.differences('pruned')), '{"stream.users eve"}',
          'restoring one user brings nothing back of another, pruned since');
ROLLBACK TO world;

-- Deletions that did not end well, and those nobody remembers
CREATE FUNCTION pg_temp.jam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'jammed'; END $$;
SAVEPOINT world;
CREATE TRIGGER jam BEFORE UPDATE ON stream.call_sessions FOR EACH ROW EXECUTE FUNCTION pg_temp.jam();
CREATE TRIGGER jam BEFORE UPDATE ON stream.comments FOR EACH ROW WHEN (NEW.id = 'p9-c5') EXECUTE FUNCTION pg_temp.jam();
SET LOCAL stream_users.chunk_rows = 2;
SELECT stream_delete_users('{ann}', calls_mode => NULL) ->> 'task_id' AS deletion \gset
SELECT task_fails(:'deletion', error_type => 'P0001', description => 'a deletion that fails half way');
SELECT ok(cardinality(pg_temp.changed()) > 10, 'has marked some rows');
DROP TRIGGER jam ON stream.call_sessions;
DROP TRIGGER jam ON stream.comments;
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'and is undone all the same');
ROLLBACK TO world;

SELECT stream_delete_users('{ann}') ->> 'task_id' AS deletion \gset
SELECT stream_cancel_task(:'deletion') \g /dev/null
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'a deletion that was cancelled is undone too');
ROLLBACK TO world;

SELECT stream_delete_users('{ann}') \g /dev/null
CALL pg_temp.run();
DELETE FROM stream.tasks;
SELECT ok(stream_restore_users('{ann}') ? 'task_id', 'a deletion whose task''s record is gone');
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'is undone too');
ROLLBACK TO world;

CREATE TRIGGER jam BEFORE UPDATE ON stream.comments FOR EACH ROW WHEN (NEW.id = 'p9-c5') EXECUTE FUNCTION pg_temp.jam();
SET LOCAL stream_users.chunk_rows = 2;
SELECT stream_delete_users('{ann}') ->> 'task_id' AS deletion \gset
CALL pg_temp.run();
DROP TRIGGER jam ON stream.comments;
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
DO $$ BEGIN PERFORM stream_retry_task(id) FROM stream.tasks WHERE status = 'failed'; EXCEPTION WHEN SQLSTATE 'ST004' THEN NULL; END $$;
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'retrying a failed deletion that has been undone deletes nothing of a user who is back');
ROLLBACK TO world;

-- Again and again
SELECT stream_delete_users('{ann,ben}') \g /dev/null
CALL pg_temp.run();
SELECT stream_restore_users('{ann,ben}') \g /dev/null
SELECT stream_delete_users('{ann}') ->> 'task_id' AS second \gset
SELECT stream_restore_users('{ann}') \g /dev/null
SELECT stream_delete_users('{ann}') ->> 'task_id' AS third \gset
CALL pg_temp.run();
SELECT is((SELECT array_agg(DISTINCT contents ->> 'deleted_by_task') FROM pg_temp.everything() WHERE contents ->> 'deleted_by_task' IS NOT NULL),
          ARRAY[:'third'], 'of deletions and restores that wait for each other the last one counts');
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is(pg_temp.changed(), '{}', 'and is undone like the first');
ROLLBACK TO world;

-- Only what was marked comes back.
SELECT stream_delete_users('{ann}', 'soft', 'hard', 'soft', 'hard') \g /dev/null
CALL pg_temp.run();
SELECT stream_restore_users('{ann}') \g /dev/null
CALL pg_temp.run();
SELECT is(ARRAY[(SELECT count(*) FROM stream.messages WHERE user_id = 'ann'), (SELECT count(*) FROM stream.calls WHERE cid = 'call:ann-cat'),
                (SELECT count(*) FROM stream.channels WHERE cid = 'dm:ann-cat' AND deleted_at IS NULL)], '{0,0,1}',
          'data that was hard-deleted with a soft-deleted user does not come back');

SELECT * FROM finish();
ROLLBACK;
