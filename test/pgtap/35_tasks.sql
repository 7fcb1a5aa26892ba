-- Tasks: what callers see of them, cancelling and retrying, their order, and how they fail.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql
\ir lib/world.sql

CREATE OR REPLACE FUNCTION pg_temp.contents() RETURNS text LANGUAGE sql AS 'SELECT pg_temp.everything_and_queue()';

CREATE TEMPORARY TABLE before AS SELECT * FROM pg_temp.everything();

-- The keys of an object with the types of their values.
CREATE FUNCTION pg_temp.shape(object jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(key || ' ' || jsonb_typeof(value), ', ' ORDER BY key) FROM jsonb_each(object)
$$;
-- How many rows a task's counts, or those of a dry run, add up to.
CREATE FUNCTION pg_temp.sum_of(counts jsonb) RETURNS numeric LANGUAGE sql AS $$
    SELECT sum(n::numeric) FROM jsonb_each(counts) AS t (relation, modes), jsonb_each_text(modes) AS m (mode, n)
$$;
CREATE FUNCTION pg_temp.marked_by(task text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', relation, key) FROM pg_temp.everything() WHERE contents ->> 'deleted_by_task' = task
$$;

-- The tasks that completed, in this order.
CREATE FUNCTION pg_temp.ran() RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(concat_ws(' ', kind, params ->> 'user_mode') ORDER BY finished_at) FROM stream.tasks WHERE status = 'completed'
$$;

SELECT plan(87);

-- Tasks that are not there, and ids that are none
SELECT pg_temp.refused(format('SELECT %s(''11111111-2222-3333-4444-555555555555'')', function), operation, 16, 'id',
                       '11111111-2222-3333-4444-555555555555', function || ' refuses an unknown task')
  FROM (VALUES ('stream_get_task', 'GetTask'), ('stream_wait_task', 'GetTask'), ('stream_cancel_task', 'CancelTask'),
               ('stream_retry_task', 'RetryTask')) AS f (function, operation);
SELECT pg_temp.refused(format('SELECT %s(NULL)', function), operation, 4, 'id', NULL, function || ' refuses a null id')
  FROM (VALUES ('stream_get_task', 'GetTask'), ('stream_wait_task', 'GetTask'), ('stream_cancel_task', 'CancelTask'),
               ('stream_retry_task', 'RetryTask')) AS f (function, operation);
SELECT throws_ok(format('SELECT %s(''nonsense'')', function), '22P02', NULL, function || ' refuses what is no uuid as PostgreSQL does')
  FROM unnest('{stream_get_task,stream_wait_task,stream_cancel_task,stream_retry_task}'::text[]) AS function;

-- A task that waits
SAVEPOINT world;
SELECT stream_delete_users('{ann,ben}') AS answer \gset
SELECT :'answer'::jsonb ->> 'task_id' AS task \gset
SELECT is(pg_temp.shape(:'answer'), 'duration string, task_id string', 'a deletion answers with its task');
SELECT is(pg_temp.shape(stream_get_task(:'task')),
          'created_at number, duration string, progress object, result object, status string, task_id string, updated_at number',
          'a task that waits has no error, and everything else');
SELECT is(stream_get_task(:'task') ->> 'status', 'pending', 'it is pending');
SELECT is(stream_get_task(:'task') ->> 'task_id', :'task', 'it is the one that was asked for');
SELECT is((stream_get_task(:'task') ->> 'created_at')::numeric, (SELECT extract(epoch FROM created_at) * 1000000000 FROM stream.tasks WHERE id = :'task'),
          'times are epoch nanoseconds');
SELECT matches(stream_get_task(:'task') ->> 'duration', '^\d+\.\d\dms$', 'the duration is in milliseconds');
SELECT is(stream_get_task(:'task') -> 'progress', '{"done": 0, "step": "pending", "percent": 0.0}', 'nothing is done, and nothing counted yet');
SELECT is((SELECT to_jsonb(p) - '{created_at,updated_at}'::text[] FROM stream.task_progress AS p WHERE task_id = :'task'),
          jsonb_build_object('task_id', :'task', 'kind', 'delete_users', 'status', 'pending', 'bar', '....................',
                             'percent', 0.0, 'done', 0, 'total', NULL, 'rows_per_second', NULL, 'eta_seconds', NULL, 'step', 'pending',
                             'error', NULL, 'retries', 0, 'retry_at', NULL, 'attempts', 0, 'worker_pid', NULL, 'started_at', NULL, 'finished_at', NULL),
          'its row in task_progress says so too');
SELECT pg_temp.refused(format('SELECT stream_wait_task(%L, NULL)', :'task'), 'GetTask', 4, 'timeout', NULL,
                       'waiting without a timeout is refused');
SELECT pg_temp.refused(format('SELECT stream_retry_task(%L)', :'task'), 'RetryTask', 4, 'id', :'task', 'a task that waits can''t be retried');

-- A task that has run
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.shape(stream_get_task(:'task')),
          'created_at number, duration string, progress object, result object, status string, task_id string, updated_at number',
          'a completed task has no error, and everything else');
SELECT is(stream_get_task(:'task') ->> 'status', 'completed', 'it is completed');
SELECT is(pg_temp.shape(stream_get_task(:'task') -> 'result'), 'counts object', 'its result is the counts');
SELECT is((stream_get_task(:'task') -> 'progress') - '{rows_per_second,eta_seconds}'::text[],
          jsonb_build_object('done', n, 'total', n, 'percent', 100.0, 'step', 'completed'), 'all rows that it counted are done')
  FROM pg_temp.sum_of(stream_get_task(:'task') -> 'result' -> 'counts') AS n;
SELECT is((SELECT ARRAY[bar, percent::text, (done = total)::text, eta_seconds::text, step, attempts::text, worker_pid::text,
                        (finished_at >= started_at)::text] FROM stream.task_progress WHERE task_id = :'task'),
          '{####################,100.0,true,NULL,completed,1,NULL,true}', 'its row in task_progress has a full bar');
SELECT ok((stream_get_task(:'task') -> 'updated_at')::numeric > (stream_get_task(:'task') -> 'created_at')::numeric, 'updated_at has moved');
SELECT pg_temp.refused(format('SELECT stream_cancel_task(%L)', :'task'), 'CancelTask', 4, 'id', :'task', 'a completed task can''t be cancelled');
SELECT pg_temp.refused(format('SELECT stream_retry_task(%L)', :'task'), 'RetryTask', 4, 'id', :'task', 'a completed task can''t be retried');
SELECT is((SELECT count(*) FROM stream.task_users), 0::bigint, 'which users it was about is forgotten');
SELECT pg_temp.everything_and_queue() AS whole \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.everything_and_queue(), :'whole', 'running the tasks again does nothing');
ROLLBACK TO world;

-- Cancelling and retrying
SELECT stream_delete_users('{ann}') ->> 'task_id' AS task \gset
SELECT stream_delete_users('{cat}') ->> 'task_id' AS other \gset
SELECT is(stream_cancel_task(:'task') - 'duration', jsonb_build_object('task_id', :'task', 'status', 'cancelled'), 'a task that waits is cancelled at once');
SELECT is(pg_temp.shape(stream_cancel_task(:'other')), 'duration string, status string, task_id string', 'cancel answers with the task and its status');
SELECT stream_retry_task(:'other') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') ->> 'status', 'cancelled', 'a cancelled task does not run');
SELECT is(stream_get_task(:'other') ->> 'status', 'completed', 'one that was retried does');
SELECT is(ARRAY(SELECT pg_temp.marked_by(:'task')), '{stream.users ann}', 'what the call did stays, the task did nothing');
SELECT is((SELECT ARRAY[bar, step, (finished_at IS NOT NULL)::text] FROM stream.task_progress WHERE task_id = :'task'),
          '{....................,cancelled,true}', 'task_progress shows it as cancelled');
SELECT pg_temp.refused(format('SELECT stream_cancel_task(%L)', :'task'), 'CancelTask', 4, 'id', :'task', 'a cancelled task can''t be cancelled again');
SELECT is(stream_retry_task(:'task') - 'duration', jsonb_build_object('task_id', :'task', 'status', 'pending'), 'a cancelled task can be retried');
SELECT pg_temp.refused(format('SELECT stream_retry_task(%L)', :'task'), 'RetryTask', 4, 'id', :'task', 'but not twice');
SELECT is((SELECT finished_at FROM stream.task_progress WHERE task_id = :'task'), NULL, 'it has not finished then');
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') ->> 'status', 'completed', 'and completes');
SELECT ok((SELECT count(*) > 30 FROM pg_temp.marked_by(:'task')), 'having done its work');
ROLLBACK TO world;

-- Order
SELECT stream_delete_users('{ann,ben}'), stream_delete_users('{ben}', 'pruning', 'pruning'),
       stream_delete_users('{ben}', 'hard', 'hard', 'hard', 'hard') \g /dev/null
SELECT stream_delete_users('{cat}') ->> 'task_id' AS other \gset
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT array_agg(status) FROM stream.tasks), '{completed,completed,completed,completed}', 'a stronger deletion is taken while a weaker one waits, and all complete');
SELECT ok(bool_and(t.started_at >= o.finished_at), 'tasks about the same user run one after the other, in the order in which they were made')
  FROM stream.tasks AS t JOIN stream.tasks AS o ON o.seq < t.seq WHERE t.id <> :'other';
SELECT is((SELECT array_agg(id ORDER BY id) FROM stream.users WHERE id IN ('ann', 'ben')), '{ann}', 'the strongest deletion of a user wins');
SELECT is((SELECT deleted_mode FROM stream.users WHERE id = 'ann'), 'soft', 'the others stay as they were asked for');
ROLLBACK TO world;

SELECT stream_delete_users('{ann}') \g /dev/null
SELECT stream_restore_users('{ann}'), stream_deactivate_users('{ann}', true, true) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.ran(), '{delete_users soft,restore_users,deactivate_users}', 'tasks of all kinds keep the order of their user');
ROLLBACK TO world;

DROP INDEX stream.tasks_pending;
SELECT stream_deactivate_users('{dan}'), stream_delete_users('{ann,ben}'), stream_restore_users('{ben}'), stream_delete_users('{ben}', 'pruning', 'pruning') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.ran(), '{deactivate_users,delete_users soft,restore_users,delete_users pruning}', 'also where the index that finds them is gone');
ROLLBACK TO world;

-- A request to cancel that came when nobody knew the task's worker yet.
SELECT stream_deactivate_users('{ann}') ->> 'task_id' AS task \gset
UPDATE stream.tasks SET cancel_requested = true WHERE id = :'task';
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') ->> 'status', 'cancelled', 'a task whose end was asked for before it began does not begin');
SELECT is((SELECT deactivated_at FROM stream.users WHERE id = 'ann'), NULL, 'and changes nothing');
ROLLBACK TO world;

-- A task that waits for a failed one is not held up for ever.
CREATE FUNCTION pg_temp.jam() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no room for %', NEW.id USING ERRCODE = 'XX123', DETAIL = 'the disk', HINT = 'none';
END
$$;
CREATE TRIGGER jam BEFORE UPDATE ON stream.messages FOR EACH ROW WHEN (NEW.id = 'tr5') EXECUTE FUNCTION pg_temp.jam();
SAVEPOINT jammed;
SELECT stream_delete_users('{ann}') ->> 'task_id' AS task \gset
SELECT stream_delete_users('{ben,ann}', NULL, NULL, 'hard', NULL) ->> 'task_id' AS later \gset
SELECT stream_delete_users('{dan}') ->> 'task_id' AS other \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(ARRAY[pg_temp.ended(:'task'), pg_temp.ended(:'later'), pg_temp.ended(:'other')], '{failed: no room for tr5,completed,completed}',
          'a task that fails holds up neither those after it nor others');
SELECT is(ARRAY(SELECT pg_temp.marked_by(:'task')), '{stream.users ann}', 'all that a failed chunk had done is rolled back');
ROLLBACK TO jammed;

-- Failing
CREATE TEMPORARY TABLE announced AS
SELECT stream_delete_users('{ann}', dry_run => true) -> 'counts' AS counts;
SAVEPOINT counted;
SET LOCAL stream_users.chunk_rows = 2;
SELECT stream_delete_users('{ann}') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT ok((SELECT done > 2 AND total IS NULL FROM stream.task_progress WHERE task_id = :'task'), 'a task that is over within five seconds is never counted');
ROLLBACK TO counted;
SET LOCAL stream_users.chunk_rows = 2;
SELECT stream_delete_users('{ann}') ->> 'task_id' AS task \gset
UPDATE stream.tasks SET work_seconds = 5 WHERE id = :'task';
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.shape(stream_get_task(:'task')),
          'created_at number, duration string, error object, progress object, result object, status string, task_id string, updated_at number',
          'a failed task has an error');
SELECT is(stream_get_task(:'task') ->> 'status', 'failed', 'it is failed');
SELECT is((stream_get_task(:'task') -> 'error') - 'step', '{"type": "XX123", "description": "no room for tr5"}', 'the error has the SQLSTATE and the message');
SELECT matches(stream_get_task(:'task') -> 'error' ->> 'step', 'stream\.messages', 'and the step, which names the table');
SELECT is(stream_get_task(:'task') -> 'progress' -> 'step', stream_get_task(:'task') -> 'error' -> 'step', 'progress stands at this step');
SELECT ok((SELECT deleted_at IS NULL AND deleted_by_task IS NULL FROM stream.messages WHERE id = 'tr5'), 'the row that failed is untouched');
SELECT is((SELECT (counts #>> '{stream.messages,soft}')::bigint FROM stream.tasks WHERE id = :'task'),
          (SELECT count(*) FROM stream.messages WHERE deleted_by_task = :'task'), 'what the chunks before had done stays, and is counted');
SELECT is((stream_get_task(:'task') #>> '{progress,done}')::bigint, (SELECT count(*) - 1 FROM pg_temp.marked_by(:'task')), 'done is what is there');
SELECT is((stream_get_task(:'task') #>> '{progress,total}')::numeric, (SELECT pg_temp.sum_of(counts) FROM announced), 'total is what the dry run announced');
SELECT ok((SELECT percent > 0 AND percent < 100 AND bar ~ '^#*\.+$' AND length(bar) = 20 AND eta_seconds IS NULL AND worker_pid IS NULL AND finished_at IS NOT NULL
             FROM stream.task_progress WHERE task_id = :'task'), 'task_progress shows how far it came');
SELECT ok((SELECT count(*) > 0 FROM stream.task_users), 'which users it is about is kept for a retry');
SELECT pg_temp.refused(format('SELECT stream_cancel_task(%L)', :'task'), 'CancelTask', 4, 'id', :'task', 'a failed task can''t be cancelled');
SELECT pg_temp.everything_and_queue() AS whole \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.everything_and_queue(), :'whole', 'a failed task is not run again by itself');
SELECT stream_retry_task(:'task') \g /dev/null
SELECT ok(NOT stream_get_task(:'task') ? 'error' AND stream_get_task(:'task') ->> 'status' = 'pending', 'a task that is retried waits again, without an error');
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.ended(:'task'), 'failed: no room for tr5', 'it fails again for the same reason');
DROP TRIGGER jam ON stream.messages;
SELECT stream_retry_task(:'task') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.ended(:'task'), 'completed', 'with the reason out of the way it completes');
SELECT is(stream_get_task(:'task') -> 'result' -> 'counts', counts, 'and has counted each row once') FROM announced;
SELECT is((SELECT attempts FROM stream.task_progress WHERE task_id = :'task'), 3, 'attempts are counted');
SELECT is((SELECT sum(n) FROM (SELECT count(*) AS n FROM pg_temp.marked_by(:'task')) AS m), (SELECT pg_temp.sum_of(counts) FROM announced), 'and each row is marked');
ROLLBACK TO world;

-- A hard deletion that fails half way goes on where it stood.
CREATE FUNCTION pg_temp.jam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
CREATE TEMPORARY TABLE hard_announced AS
SELECT stream_delete_users('{ann,ben}', 'hard', 'hard', 'hard', 'hard', 'nora', 'nora', dry_run => true) -> 'counts' AS counts;
CREATE TEMPORARY TABLE jams (relation text, event text);
INSERT INTO jams VALUES ('stream.reactions', 'DELETE'), ('stream.feeds', 'DELETE'), ('stream.channels', 'UPDATE'), ('stream.users', 'DELETE');
SET LOCAL stream_users.chunk_rows = 3;
SELECT stream_delete_users('{ann,ben}', 'hard', 'hard', 'hard', 'hard', 'nora', 'nora') ->> 'task_id' AS task \gset
DO $$
DECLARE
    j jams;
BEGIN
    FOR j IN SELECT * FROM jams LOOP
        EXECUTE format('CREATE TRIGGER jam BEFORE %s ON %s FOR EACH ROW EXECUTE FUNCTION pg_temp.jam()', j.event, j.relation);
        CALL stream_run_tasks(until_idle => true);
        EXECUTE format('DROP TRIGGER jam ON %s', j.relation);
        PERFORM stream_retry_task(id) FROM stream.tasks WHERE status = 'failed';
    END LOOP;
    CALL stream_run_tasks(until_idle => true);
END
$$;
SELECT is((SELECT ARRAY[status, attempts::text] FROM stream.task_progress WHERE task_id = :'task'), '{completed,5}',
          'a hard deletion that failed at four places completes in the end');
SELECT is(stream_get_task(:'task') -> 'result' -> 'counts', counts, 'and has counted no row twice') FROM hard_announced;
SELECT is((SELECT count(*) FROM pg_temp.everything() WHERE jsonb_path_exists(contents, '$.** ? (@ == "ann" || @ == "ben")')), 0::bigint,
          'and nothing holds the ids any more');

ROLLBACK TO world;

-- Rows that move while what hangs on them goes, because a trigger counts it, go all the same.
CREATE FUNCTION pg_temp.recount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE stream.messages SET custom = custom || '{"recounted": true}' WHERE cid = OLD.cid AND id = OLD.message_id;
    RETURN OLD;
END
$$;
CREATE TRIGGER recount BEFORE DELETE ON stream.reactions FOR EACH ROW EXECUTE FUNCTION pg_temp.recount();
-- So do rows of a table that inherits, while others of it stay that lie where such rows lie in the first.
CREATE TABLE pg_temp.archive () INHERITS (stream.messages);
INSERT INTO pg_temp.archive (cid, id, user_id) SELECT 'team:trio', 'old' || i, CASE i % 2 WHEN 0 THEN 'ann' ELSE 'dan' END FROM generate_series(1, 40) AS i;
CREATE TEMPORARY TABLE kept AS SELECT id, user_id FROM stream.messages WHERE user_id IS DISTINCT FROM 'ann';
SAVEPOINT moving;
SELECT stream_delete_users('{ann}', NULL, 'soft', NULL, NULL) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is((stream_get_task(:'task') #>> '{result,counts,stream.messages,soft}')::bigint,
          (SELECT count(*) FROM stream.messages WHERE user_id = 'ann' AND deleted_by_task = :'task'), 'rows of both tables are marked and counted');
SELECT is((SELECT count(*) FROM pg_temp.archive WHERE deleted_by_task = :'task'), 20::bigint, 'of each only the user''s');
ROLLBACK TO moving;
CREATE TEMPORARY TABLE moving_announced AS SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL, dry_run => true) -> 'counts' AS counts;
SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') -> 'result' -> 'counts', counts, 'rows that moved meanwhile are counted once') FROM moving_announced;
SELECT results_eq('SELECT id, user_id FROM stream.messages ORDER BY id', 'SELECT id, user_id FROM kept ORDER BY id', 'and are gone, all of them and no others');
ROLLBACK TO world;

-- What hangs on erased rows is found by whatever leads to it: the key, another index, or none.
CREATE TEMPORARY TABLE hanging_announced AS SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL, dry_run => true) -> 'counts' AS counts;
CREATE TEMPORARY VIEW orphans AS SELECT count(*) FROM stream.reactions r WHERE NOT EXISTS (SELECT FROM stream.messages m WHERE m.cid = r.cid AND m.id = r.message_id);
CREATE TEMPORARY TABLE orphans_before AS SELECT * FROM orphans;
ALTER TABLE stream.reactions DROP CONSTRAINT reactions_pkey, ADD PRIMARY KEY (user_id, type, message_id, cid);
SAVEPOINT hanging;
SET LOCAL stream_users.chunk_rows = 2;
SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') -> 'result' -> 'counts', counts, 'without an index on them the reactions go, too') FROM hanging_announced;
SELECT results_eq('SELECT * FROM orphans', 'SELECT * FROM orphans_before', 'and none is left over');
ROLLBACK TO hanging;
CREATE INDEX ON stream.reactions (message_id, cid, created_at);
SET LOCAL stream_users.chunk_rows = 2;
SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') -> 'result' -> 'counts', counts, 'so they do with an index in another order') FROM hanging_announced;
SELECT results_eq('SELECT * FROM orphans', 'SELECT * FROM orphans_before', 'and none is left over');
ROLLBACK TO world;

-- Waiting. A task of one's own transaction can't come to its end before that one does.
SELECT stream_delete_users('{ann}') ->> 'task_id' AS task \gset
SELECT pg_temp.refused(format('SELECT stream_wait_task(%L, ''1 s'')', :'task'), 'GetTask', 4, 'id', :'task',
                       'waiting for a task made after a savepoint is refused');
ROLLBACK TO world;
RELEASE SAVEPOINT world;
SELECT stream_delete_users('{ann}') ->> 'task_id' AS task \gset
SELECT pg_temp.refused(format('SELECT stream_wait_task(%L, ''1 s'')', :'task'), 'GetTask', 4, 'id', :'task',
                       'waiting for any task of one''s own transaction is refused');

SELECT * FROM finish();
ROLLBACK;
