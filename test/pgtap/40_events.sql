-- Events: which calls tell what, whom a setting tells it, and reading and trimming the log.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql

DELETE FROM stream.events;
DELETE FROM stream.events_trimmed;

-- What the log tells, a line a row, oldest first; it is empty afterwards.
CREATE FUNCTION pg_temp.told() RETURNS text[] LANGUAGE sql AS $$
    WITH told AS (DELETE FROM stream.events RETURNING *)
    SELECT COALESCE(array_agg(concat_ws(' ', type, NULLIF(array_to_string(user_ids, ',', '-'), ''), details ->> 'user_mode',
                                        details ->> 'kind', details ->> 'error_type') ORDER BY seq), '{}')
      FROM told
$$;
-- Whether every row of the log names this task.
CREATE FUNCTION pg_temp.all_of(task text) RETURNS boolean LANGUAGE sql AS $$
    SELECT bool_and(task_id = task::uuid) FROM stream.events
$$;
-- A transaction can't read its own events before it has ended: makes those that are in the log look
-- as if another server had written them.
CREATE FUNCTION pg_temp.settle() RETURNS void LANGUAGE sql AS 'UPDATE stream.events SET origin = 0';
-- Events in short, as an answer has them.
CREATE FUNCTION pg_temp.short(answer jsonb) RETURNS text[] LANGUAGE sql AS $$
    SELECT COALESCE(array_agg(concat_ws(' ', e ->> 'type', e ->> 'user_id') ORDER BY n), '{}')
      FROM jsonb_array_elements(answer -> 'events') WITH ORDINALITY AS a (e, n)
$$;
-- The keys of an object.
CREATE FUNCTION pg_temp.keys(object jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(object) AS key
$$;
-- All events, read so many at a time.
CREATE FUNCTION pg_temp.read_by(n integer) RETURNS TABLE (event jsonb) LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb := stream_read_events(NULL, n);
BEGIN
    WHILE answer -> 'events' <> '[]' LOOP
        IF jsonb_array_length(answer -> 'events') > n THEN
            RAISE EXCEPTION 'more events than wanted';
        END IF;
        RETURN QUERY SELECT jsonb_array_elements(answer -> 'events');
        answer := stream_read_events(answer ->> 'next', n);
    END LOOP;
END
$$;
-- A number of the log's row n, counted from the oldest.
CREATE FUNCTION pg_temp.seq(n integer) RETURNS bigint LANGUAGE sql AS $$
    SELECT seq FROM stream.events ORDER BY seq OFFSET n - 1 LIMIT 1
$$;

SELECT plan(106);

-- Upsert
SELECT NULL FROM stream_upsert_users('[{"id": "bob"}, {"id": "ann"}, {"id": "cem"}]', false) \g /dev/null
SELECT is(pg_temp.told(), '{"user.updated ann,bob,cem"}', 'creating users tells that they were updated, all in one row');
SELECT NULL FROM stream_upsert_users('[{"id": "ann", "name": "Ann"}, {"id": "bob"}, {"id": "dan"}]', false) \g /dev/null
SELECT is(pg_temp.told(), '{"user.updated ann,dan"}', 'of a replaced, an unchanged and a new user it tells of the first and the last');
SELECT NULL FROM stream_upsert_users('[{"id": "ann", "name": "Ann"}, {"id": "bob", "name": "Bob"}]') \g /dev/null
SELECT is(pg_temp.told(), '{"user.updated bob"}', 'so it does when the users are returned');
SELECT NULL FROM stream_upsert_users('[{"id": "ann", "name": "Ann"}, {"id": "bob", "name": "Bob"}]') \g /dev/null
SELECT is(pg_temp.told(), '{}', 'a call that changes nothing tells nothing');
SELECT pg_temp.refused($$SELECT stream_upsert_users('[{"id": "new"}, {"id": "eve", "role": "captain"}]')$$, 'UpdateUsers', 4, 'users[1].role', 'eve',
                       'a refused call tells nothing');
SAVEPOINT undone;
SELECT NULL FROM stream_upsert_users('{"id": "new"}') \g /dev/null
ROLLBACK TO undone;
SELECT is(pg_temp.told(), '{}', 'what is rolled back was never told');

-- Patch
SELECT NULL FROM stream_patch_user('ann', '{"name": "Anna"}') \g /dev/null
SELECT is(pg_temp.told(), '{"user.updated ann"}', 'a patch tells of its user');
SELECT NULL FROM stream_patch_users('[{"id": "bob", "set": {"badge": 1}}, {"id": "ann", "set": {"name": "Anna"}}, {"id": "cem", "set": {"badge": 1}}]') \g /dev/null
SELECT is(pg_temp.told(), '{"user.updated bob,cem"}', 'patches tell of the users they change');
SELECT NULL FROM stream_patch_user('ann', '{"name": "Anna"}') \g /dev/null
SELECT is(pg_temp.told(), '{}', 'a patch that changes nothing tells nothing');

-- Deactivate and reactivate
SELECT NULL FROM stream_deactivate_user('ann') \g /dev/null
SELECT ok(pg_temp.all_of((SELECT deactivated_by_task::text FROM stream.users WHERE id = 'ann')), 'events of a deactivation name its task');
SELECT is(pg_temp.told(), '{"user.deactivated ann","task.completed deactivate_users"}', 'a deactivation at once tells of the user and of its task');
SELECT pg_temp.refused($$SELECT stream_deactivate_user('ann')$$, 'DeactivateUser', 4, 'id', 'ann', 'deactivating twice tells nothing');
SELECT NULL FROM stream_reactivate_user('ann') \g /dev/null
SELECT is(pg_temp.told(), '{"user.reactivated ann","task.completed reactivate_users"}', 'so does a reactivation');

SELECT stream_deactivate_users('{cem,ann,bob,dan}') ->> 'task_id' AS task \gset
SELECT is(pg_temp.told(), '{}', 'the call that deactivates many tells nothing yet: they are still active');
SELECT NULL FROM stream_delete_users('{bob}') \g /dev/null
SELECT is(pg_temp.told(), '{"user.deleted bob soft"}', 'one of them is deleted meanwhile');
SET LOCAL stream_users.chunk_rows = 2;
CALL stream_run_tasks(until_idle => true);
RESET stream_users.chunk_rows;
SELECT is(pg_temp.told(), '{"user.deactivated ann","user.deactivated cem,dan","task.completed deactivate_users","task.completed delete_users"}',
          'the task tells, chunk by chunk, whom it deactivates, and not of the one who was deleted');
SELECT NULL FROM stream_reactivate_users('{cem,ann}') \g /dev/null
SELECT NULL FROM stream_reactivate_user('cem') \g /dev/null
SELECT is(pg_temp.told(), '{"user.reactivated cem","task.completed reactivate_users"}', 'a user is reactivated before the task gets to it');
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.told(), '{"user.reactivated ann","task.completed reactivate_users"}', 'the task tells only of those that it reactivates');

-- Delete and restore
INSERT INTO stream.messages (cid, user_id, text) VALUES ('messaging:x', 'ann', 'hello');
SELECT stream_delete_users('{cem,ann}') ->> 'task_id' AS task \gset
SELECT ok(pg_temp.all_of(:'task'), 'the event of a deletion names the task that the call answers with');
SELECT is(pg_temp.told(), '{"user.deleted cem,ann soft"}', 'a deletion tells at once of the users and how they were deleted');
CALL stream_run_tasks(until_idle => true);
SELECT ok(pg_temp.all_of(:'task'), 'the end of the deletion names the task');
SELECT is(pg_temp.told(), '{"task.completed delete_users"}', 'the task tells of its end');
SELECT stream_restore_users('{cem,ann}') ->> 'task_id' AS task \gset
SELECT ok(pg_temp.all_of(:'task'), 'the event of a restore names the task that brings data back');
SELECT is(pg_temp.told(), '{"user.restored cem,ann"}', 'a restore tells at once of the users');
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.told(), '{"task.completed restore_users"}', 'and its task of the end');
SELECT NULL FROM stream_restore_users('{bob}') \g /dev/null
SELECT is((SELECT task_id FROM stream.events), NULL, 'a restore without data to bring back has no task to name');
SELECT is(pg_temp.told(), '{"user.restored bob"}', 'and tells of the user');
SELECT NULL FROM stream_delete_users('{bob}', user_mode => NULL) \g /dev/null
SELECT is(pg_temp.told(), '{}', 'a deletion of data alone tells nothing of users');
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.told(), '{"task.completed delete_users"}', 'but of its end');
SELECT NULL FROM stream_delete_users('{bob}', dry_run => true) \g /dev/null
SELECT is(pg_temp.told(), '{}', 'a dry run tells nothing');
SELECT NULL FROM stream_delete_users('{dan}', 'pruning', 'pruning') \g /dev/null
SELECT is(pg_temp.told(), '{"user.deleted dan pruning"}', 'a pruning deletion says so');

-- Tasks that end otherwise
SELECT stream_cancel_task(id) ->> 'status' AS status FROM stream.tasks WHERE status = 'pending' \gset
SELECT is(pg_temp.told(), '{"task.cancelled delete_users"}', 'cancelling a task that waits tells of its end');
SELECT stream_delete_users('{bob}', user_mode => NULL) ->> 'task_id' AS task \gset
UPDATE stream.tasks SET kind = 'nonsense' WHERE id = :'task';
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.told(), '{"task.failed nonsense ST004"}', 'a task that fails tells of what');

-- A big call
SELECT NULL FROM stream_upsert_users((SELECT jsonb_agg(jsonb_build_object('id', 'many-' || i)) FROM generate_series(1, 2500) AS i), false) \g /dev/null
SELECT results_eq('SELECT cardinality(user_ids) FROM stream.events ORDER BY seq', '{1000,1000,500}'::integer[],
                  'a row of the log holds 1,000 users at most');
SELECT is((SELECT count(DISTINCT u) FROM stream.events, unnest(user_ids) AS u), 2500::bigint, 'every user of a big call is told of once');
SELECT is(array_length(pg_temp.told(), 1), 3, 'in three rows');

-- Erasing takes users out of what was told before, of few as of many.
CREATE FUNCTION pg_temp.erase(first integer, last integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM stream_delete_users(ARRAY(SELECT 'gone-' || i FROM generate_series(first, last) AS i), 'hard', 'hard', 'hard');
    CALL stream_run_tasks(until_idle => true);
END
$$;
SELECT NULL FROM stream_upsert_users((SELECT jsonb_agg(jsonb_build_object('id', 'gone-' || i)) FROM generate_series(1, 30) AS i), false) \g /dev/null
SELECT NULL FROM generate_series(1, 30) AS i, stream_patch_user('gone-' || i, '{"name": "alone"}') \g /dev/null
CREATE FUNCTION pg_temp.named() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', count(DISTINCT u) FILTER (WHERE u LIKE 'gone-%'), count(u) FILTER (WHERE u LIKE 'gone-%'),
                     count(*) FILTER (WHERE u IS NULL))
    FROM stream.events, unnest(user_ids) AS u WHERE type = 'user.updated'
$$;
SELECT is(pg_temp.named(), '30 60 0', 'each user is named in a row of many and in one of its own');
SELECT pg_temp.erase(1, 2) \g /dev/null
SELECT is(pg_temp.named(), '28 56 4', 'two who are erased are named in neither, and keep their places');
SELECT pg_temp.erase(3, 25) \g /dev/null
SELECT is(pg_temp.named(), '5 10 50', 'nor are many');
SELECT is((SELECT count(DISTINCT u) FROM stream.events, unnest(user_ids) AS u WHERE type = 'user.deleted' AND u LIKE 'gone-%'), 25::bigint,
          'but the deletion says whom it erased');
SELECT pg_temp.told() \g /dev/null

-- Settings
SELECT is(current_setting('stream_users.events'), 'on', 'events are told to the log and to listeners unless set otherwise');
SELECT is(current_setting('stream_users.keep_events'), '7d', 'they are kept for a week');
SET LOCAL stream_users.events = off;
SELECT NULL FROM stream_upsert_users('{"id": "bob", "name": "1"}') \g /dev/null
SELECT NULL FROM stream_delete_users('{bob}', user_mode => NULL) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.told(), '{}', 'off tells nothing');
SET LOCAL stream_users.events = notify;
SELECT NULL FROM stream_upsert_users('{"id": "bob", "name": "2"}') \g /dev/null
SELECT is(pg_temp.told(), '{}', 'notify tells the log nothing');
SET LOCAL stream_users.events = outbox;
SELECT NULL FROM stream_upsert_users('{"id": "bob", "name": "3"}') \g /dev/null
SELECT is(pg_temp.told(), '{"user.updated bob"}', 'outbox tells the log');
RESET stream_users.events;
SELECT throws_ok('SET stream_users.events = sometimes', '22023', NULL, 'there is no other value');
CREATE ROLE events_app;
SELECT NULL FROM stream_grant('events_app', 'admin') \g /dev/null
SET LOCAL ROLE events_app;
SELECT throws_ok('SET stream_users.events = off', '42501', NULL, 'not even an admin can switch the log off for itself');
SELECT throws_ok('SET stream_users.keep_events = 0', '42501', NULL, 'nor let workers trim it');
RESET ROLE;

-- Reading
SELECT is(stream_read_events() - 'duration', '{"next": "0.0", "events": []}', 'an empty log has no events, and a position to go on from');
SELECT NULL FROM stream_upsert_users('[{"id": "r1"}, {"id": "r2"}, {"id": "r3"}]', false) \g /dev/null
SELECT NULL FROM stream_deactivate_user('r1') \g /dev/null
SELECT NULL FROM stream_delete_users('{r3,r2}', 'soft') \g /dev/null
UPDATE stream.tasks SET kind = 'nonsense' WHERE status = 'pending';
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.short(stream_read_events()), '{}', 'a transaction can''t read its own events: others may yet come before them');
SELECT is(stream_read_events('latest') ->> 'next', '0.0', 'nor is there a later position than the beginning');
SELECT pg_temp.settle() \g /dev/null
SELECT is(pg_temp.short(stream_read_events()), '{user.updated r1,user.updated r2,user.updated r3,user.deactivated r1,task.completed,user.deleted r3,user.deleted r2,task.failed}',
          'once settled, every user has its event, in the order of calls and of users in them');
SELECT is(pg_temp.keys(stream_read_events()), 'duration events next', 'an answer has events, next and duration');
SELECT is((SELECT array_agg(DISTINCT (e ->> 'type') || ': ' || pg_temp.keys(e)) FROM jsonb_array_elements(stream_read_events() -> 'events') AS e),
          '{"task.completed: created_at kind position task_id type","task.failed: created_at error_type kind position task_id type",
            "user.deactivated: created_at position task_id type user_id","user.deleted: created_at position task_id type user_id user_mode",
            "user.updated: created_at position type user_id"}', 'an event has what belongs to its type, and nothing else');
SELECT is((stream_read_events() #>> '{events,0,created_at}')::numeric, (SELECT extract(epoch FROM min(created_at)) * 1000000000 FROM stream.events),
          'times are epoch nanoseconds');
SELECT is(stream_read_events() #> '{events,7,error_type}', '"ST004"', 'a failed task says of what it failed');
SELECT matches(stream_read_events() ->> 'duration', '^\d+\.\d\dms$', 'the duration is in milliseconds');
SELECT is(stream_read_events() -> 'next', stream_read_events() #> '{events,-1,position}', 'next is the position of the last event');
SELECT is(stream_read_events() #>> '{events,1,position}', pg_temp.seq(1) || '.2', 'a position leads into a row');
SELECT is(pg_temp.short(stream_read_events(max_events => 2)), '{user.updated r1,user.updated r2}', 'no more events are returned than wanted, also out of one row');
SELECT is(pg_temp.short(stream_read_events(pg_temp.seq(1) || '.2', 2)), '{user.updated r3,user.deactivated r1}', 'reading goes on in the middle of a row');
SELECT results_eq(format('SELECT event FROM pg_temp.read_by(%s)', n), $$SELECT jsonb_array_elements(stream_read_events() -> 'events')$$,
                  format('read %s at a time they are the same events, each once', n))
  FROM unnest('{1,2,3,7,8}'::integer[]) AS n;
SELECT is(stream_read_events('latest') - 'duration', jsonb_build_object('next', stream_read_events() -> 'next', 'events', '[]'::jsonb),
          'latest is the position behind the last event, without events');
SELECT is(stream_read_events(stream_read_events() ->> 'next') - 'duration', stream_read_events('latest') - 'duration', 'behind the last event there is nothing, and the position stays');
SELECT is(pg_temp.short(stream_read_events('0.0', 1)), '{user.updated r1}', 'the first position of all leads to the first event');

-- A row that is not settled hides what comes after it, unless something settled follows
SELECT NULL FROM stream_patch_user('r1', '{"name": "R"}') \g /dev/null
SELECT is(pg_temp.short(stream_read_events(pg_temp.seq(4) || '.2')), '{task.failed}', 'an event that is not settled is not read');
SELECT NULL FROM stream_patch_user('r1', '{"name": "RR"}') \g /dev/null
UPDATE stream.events SET origin = 0 WHERE seq = pg_temp.seq(7);
SELECT is(pg_temp.short(stream_read_events(pg_temp.seq(4) || '.2')), '{task.failed,"user.updated r1","user.updated r1"}',
          'before one that is settled nothing can be missing');
SELECT pg_temp.settle() \g /dev/null

-- Refusals
SELECT pg_temp.refused(format('SELECT stream_read_events(%L)', after), 'ReadEvents', 4, 'after', NULL, format('%L is no position', after))
  FROM unnest('{"",x,7,7.,.7,7.x,-7.1,7.-1," 7.1",7.1.1,99999999999999999999.1}'::text[]) AS after;
SELECT pg_temp.refused(format('SELECT stream_read_events(NULL, %L)', n), 'ReadEvents', 4, 'max_events', NULL, format('%L events can''t be asked for', n))
  FROM unnest('{0,-1,10001,NULL}'::integer[]) AS n;
SELECT pg_temp.refused($$SELECT stream_read_events('900000000000000000.1')$$, 'ReadEvents', 16, 'after', NULL, 'a position that the log has not come to is refused');

-- Erasing
SELECT NULL FROM pg_temp.told() \g /dev/null
SELECT NULL FROM stream_upsert_users('[{"id": "e1"}, {"id": "e2"}, {"id": "e3"}]', false) \g /dev/null
SELECT NULL FROM stream_delete_users('{e2}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT NULL FROM stream_delete_users('{e2,e3}', 'hard', 'hard', 'hard', 'hard') \g /dev/null
SELECT is((SELECT count(*) FROM stream.events, unnest(user_ids) AS u WHERE u = 'e2'), 3::bigint, 'before a hard deletion is done, the log names the user');
CALL stream_run_tasks(until_idle => true);
SELECT pg_temp.settle() \g /dev/null
SELECT is(pg_temp.short(stream_read_events()), '{"user.updated e1",task.completed,"user.deleted e2","user.deleted e3",task.completed}',
          'after it only the event of that deletion does');
SELECT is((SELECT array_agg(event ->> 'type') FROM pg_temp.read_by(1)), '{user.updated,task.completed,user.deleted,user.deleted,task.completed}'::text[],
          'reading one at a time is not held up by what was erased');
SELECT is((SELECT event -> 'task_id' FROM pg_temp.read_by(1) WHERE event ->> 'user_id' = 'e2'),
          (SELECT event -> 'task_id' FROM pg_temp.read_by(1) OFFSET 4), 'its task is the one whose completion says that the user is gone');
SELECT is(pg_temp.told(), '{"user.updated e1,-,-","user.deleted - soft","task.completed delete_users","user.deleted e2,e3 hard","task.completed delete_users"}',
          'the ids are taken out of older rows');

-- Trimming
SELECT pg_temp.refused($$SELECT stream_trim_events('-1 second')$$, 'TrimEvents', 4, 'older_than', NULL, 'events of the future can''t be trimmed');
INSERT INTO stream.events (settles_at, origin, type, user_ids, created_at)
SELECT '3', 0, 'user.updated', ARRAY['t' || i, 'u' || i], now() - i * interval '1 day' FROM generate_series(10, 5, -1) AS i;
SELECT pg_temp.seq(2) AS second, pg_temp.seq(3) AS third \gset
SELECT is(stream_trim_events('8 days 12 hours') - 'duration', '{"rows": 2}', 'what is older than that is trimmed');
SELECT is(pg_temp.short(stream_read_events(max_events => 1)), '{user.updated t8}', 'the log begins with what is left');
SELECT pg_temp.refused(format('SELECT stream_read_events(%L)', after), 'ReadEvents', 16, 'after', NULL, what || ' says that events were missed')
  FROM (VALUES ('0.0', 'a position before what was trimmed'), (:'second' || '.1', 'one before the last event that was trimmed')) AS p (after, what);
SELECT is(pg_temp.short(stream_read_events(:'second' || '.2', 1)), '{user.updated t8}', 'a position behind what was trimmed is as good as ever');
SELECT is(stream_trim_events() - 'duration', '{"rows": 2}', 'without an age the setting says what goes');
SET LOCAL stream_users.keep_events = '132h';
SELECT is(stream_trim_events() - 'duration', '{"rows": 1}', 'a shorter one trims more');
SET LOCAL stream_users.keep_events = -1;
SELECT is(stream_trim_events() - 'duration', '{"rows": 0}', 'with -1 nothing goes by itself');
SELECT NULL FROM stream_patch_user('r1', '{"name": "T"}') \g /dev/null
SELECT is(stream_trim_events('0') - 'duration', '{"rows": 1}', 'what is not settled is not trimmed');
SELECT is(pg_temp.told(), '{"user.updated r1"}', 'and stays in the log');
SELECT is(stream_read_events('latest') ->> 'next', (SELECT seq || '.' || events FROM stream.events_trimmed), 'an empty log goes on behind what was trimmed');

-- Rights
SELECT NULL FROM stream_revoke('events_app', 'writer') \g /dev/null
SET LOCAL ROLE events_app;
SELECT is(stream_read_events() -> 'events', '[]', 'a reader may read events');
SELECT throws_ok($$SELECT stream_trim_events('0')$$, '42501', NULL, 'but not trim them');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
