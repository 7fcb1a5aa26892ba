-- Tasks under stress, as far as one transaction shows it: settings, what waits for what, and that nothing is
-- retried inside a transaction block.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql
\ir lib/world.sql

SELECT plan(27);

SELECT is((SELECT ARRAY[boot_val, COALESCE(unit, ''), context, min_val] FROM pg_settings WHERE name = 'stream_users.' || s), wanted::text[],
          'the default, unit, context and least value of stream_users.' || s)
  FROM (VALUES ('max_retries', '{10,"",user,0}'), ('lock_timeout', '{5000,ms,user,0}'), ('chunk_pause', '{0,ms,user,0}'),
               ('rows_per_second', '{0,"",user,0}'), ('keep_tasks', '{43200,min,user,-1}'), ('debug_point', '{"","",superuser,NULL}')) AS v (s, wanted);
SELECT throws_ok('SET stream_users.' || s, '22023', NULL, 'stream_users.' || s || ' is refused')
  FROM unnest('{max_retries = -1,lock_timeout = -1,chunk_pause = -1,rows_per_second = -1,keep_tasks = -2,debug_point = nowhere}'::text[]) AS s;

-- What waits for what
SAVEPOINT world;
SELECT stream_delete_users('{ann,ben}', NULL, 'soft', NULL, NULL) ->> 'task_id' AS first \gset
SELECT stream_delete_users('{ben,cat}', NULL, 'soft', NULL, NULL) ->> 'task_id' AS second \gset
SELECT stream_delete_users('{dan}', NULL, 'soft', NULL, NULL) ->> 'task_id' AS other \gset
SELECT stream_delete_users('{ann,cat}', NULL, 'soft', NULL, NULL) ->> 'task_id' AS third \gset
SELECT is(stream_get_task(:'first') #>> '{progress,step}', 'pending', 'the first task of all waits for a worker');
SELECT is(stream_get_task(:'second') #>> '{progress,step}', 'waiting for task ' || :'first', 'a task that shares a user with it waits for it');
SELECT is(stream_get_task(:'other') #>> '{progress,step}', 'pending', 'one on another user waits for nobody');
SELECT is(stream_get_task(:'third') #>> '{progress,step}', 'waiting for task ' || :'first', 'one that waits for two names the older');
SELECT stream_cancel_task(:'first') \g /dev/null
SELECT is((SELECT step FROM stream.task_progress WHERE task_id = :'second'), 'pending', 'when that is over the next one waits for a worker');
SELECT is((SELECT step FROM stream.task_progress WHERE task_id = :'third'), 'waiting for task ' || :'second', 'and the one behind it for that one');
SELECT is(stream_get_task(:'first') -> 'result', '{"counts": {}}', 'a task that was cancelled before it began has counted nothing');
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT count(*) FROM stream.tasks WHERE status = 'completed'), 3::bigint, 'the others complete');
ROLLBACK TO world;

-- Conflicts inside a transaction block
CREATE FUNCTION pg_temp.jam() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no luck' USING ERRCODE = 'serialization_failure';
END
$$;
CREATE TRIGGER jam BEFORE UPDATE ON stream.messages FOR EACH ROW WHEN (NEW.id = 'tr5') EXECUTE FUNCTION pg_temp.jam();
SELECT stream_delete_users('{ann}', NULL, 'soft', NULL, NULL) ->> 'task_id' AS task \gset
SET LOCAL stream_users.chunk_rows = 1;
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') ->> 'status', 'failed', 'a serialization failure is not retried there');
SELECT is((stream_get_task(:'task') -> 'error') - 'step', '{"type": "40001", "description": "no luck"}', 'the error says what it was');
SELECT is((stream_get_task(:'task') #>> '{result,counts,stream.messages,soft}')::bigint,
          (SELECT count(*) FROM stream.messages WHERE deleted_by_task = :'task'), 'the result counts what was done before');
SELECT ok((SELECT retries = 0 AND retry_at IS NULL AND error = '40001: no luck' FROM stream.task_progress WHERE task_id = :'task'),
          'task_progress has the error too');
DROP TRIGGER jam ON stream.messages;
SELECT stream_retry_task(:'task') \g /dev/null
SELECT is(stream_get_task(:'task') -> 'result', '{}', 'a task that is put back has no result any more');
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') ->> 'status', 'completed', 'and completes');
SELECT ok((SELECT work_seconds > 0 AND rows_per_second > 0 FROM stream.tasks WHERE id = :'task'), 'the time it took is counted');

SELECT * FROM finish();
ROLLBACK;
