-- A user's whole life in psql:  psql -X -f examples/psql/life.sql
--
-- Run it as the owner of stream_users, in a database where workers run (SELECT stream_start_workers()).
-- It says what it does and ends with an error, and exit status 3, at the first surprise.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned

-- Says what was found, or ends the script.
CREATE FUNCTION pg_temp.expect(as_expected boolean, what text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF as_expected IS NOT TRUE THEN
        RAISE EXCEPTION 'not as expected: %', what;
    END IF;
    RETURN what;
END
$$;
-- The SQLSTATE that a call is refused with.
CREATE FUNCTION pg_temp.refusal(call text, OUT state text, OUT message text, OUT detail jsonb) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE call;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END
$$;

-- Many users in one call
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'psql-' || i, 'name', 'User ' || i,
                                                        'custom', jsonb_build_object('plan', CASE i % 10 WHEN 0 THEN 'pro' ELSE 'free' END))),
                           return_users => false) AS answer
  FROM generate_series(1, 500) AS i \gset
SELECT pg_temp.expect((:'answer'::jsonb ->> 'created')::integer = 500, '500 users created in ' || (:'answer'::jsonb ->> 'duration'));
SELECT pg_temp.expect(state = 'ST004' AND detail ->> 'path' = 'users[1].role', 'refused, with nothing written: ' || message)
  FROM pg_temp.refusal($$SELECT stream_upsert_users('[{"id": "psql-new"}, {"id": "psql-1", "role": "captain"}]')$$);

-- Finding them
SELECT stream_query_users('{"filter_conditions": {"custom.plan": "pro", "id": {"$autocomplete": "psql-"}},
                            "sort": [{"field": "id", "direction": 1}], "limit": 100}') -> 'users' AS users \gset
SELECT pg_temp.expect(jsonb_array_length(:'users') = 50, '50 of them pay, the first is ' || (:'users'::jsonb -> 0 ->> 'name'));

-- What they write, in plain SQL: 50,000 messages in a conversation and a team channel
INSERT INTO stream.channels (type, id, created_by_id) VALUES ('messaging', 'psql', 'psql-1'), ('team', 'psql', 'psql-1');
INSERT INTO stream.channel_members (cid, user_id)
VALUES ('messaging:psql', 'psql-1'), ('messaging:psql', 'psql-2'), ('team:psql', 'psql-1'), ('team:psql', 'psql-2'), ('team:psql', 'psql-3');
INSERT INTO stream.messages (cid, user_id, text)
SELECT CASE i % 2 WHEN 0 THEN 'messaging:psql' ELSE 'team:psql' END, 'psql-1', 'message ' || i FROM generate_series(1, 50000) AS i;

-- Keeping somebody out: banned, then deactivated
SELECT stream_ban_user('psql-2', 'psql-1', 'rude', timeout_minutes => 60) AS answer \gset
SELECT pg_temp.expect(state = 'ST017', 'banned: ' || message) FROM pg_temp.refusal($$SELECT stream_connect_user('psql-2')$$);
SELECT stream_unban_user('psql-2') AS answer \gset
SELECT stream_deactivate_user('psql-2') AS answer \gset
SELECT pg_temp.expect(state = 'ST017', 'deactivated: ' || message)
  FROM pg_temp.refusal($$INSERT INTO stream.messages (cid, user_id, text) VALUES ('team:psql', 'psql-2', 'still here')$$);
SELECT stream_reactivate_user('psql-2') AS answer \gset
SELECT pg_temp.expect(stream_authorize('psql-2'), 'unbanned and reactivated, psql-2 is in again');

-- A soft deletion: marked at once, the rest is a task, which workers do. \watch shows its bar move.
SELECT stream_delete_users('{psql-1}') ->> 'task_id' AS task \gset
SELECT pg_temp.expect(state = 'ST016', 'soft-deleted: ' || message) FROM pg_temp.refusal($$SELECT stream_get_user('psql-1')$$);
SELECT format('[%s] %s, %s of %s rows, %s', bar, status, done, COALESCE(total::text, '?'), step)
  FROM stream.task_progress WHERE task_id = :'task';
SELECT stream_wait_task(:'task', '2 minutes') ->> 'status' AS status \gset
SELECT format('[%s] %s, %s of %s rows', bar, status, done, total) FROM stream.task_progress WHERE task_id = :'task';
SELECT pg_temp.expect(:'status' = 'completed' AND count(*) = 0, 'all messages of psql-1 are marked deleted')
  FROM stream.messages WHERE user_id = 'psql-1' AND deleted_at IS NULL;

-- And back
SELECT stream_restore_users('{psql-1}') ->> 'task_id' AS task \gset
SELECT stream_wait_task(:'task', '2 minutes') ->> 'status' AS status \gset
SELECT pg_temp.expect(:'status' = 'completed' AND count(*) = 50000, 'restored with all ' || count(*) || ' messages')
  FROM stream.messages WHERE user_id = 'psql-1' AND deleted_at IS NULL;

-- For good, after a look at what it will do
SELECT stream_delete_users('{psql-1}', 'hard', 'hard', 'hard', 'hard', new_owner => 'psql-3', dry_run => true) -> 'counts' AS counts \gset
SELECT pg_temp.expect(:'counts'::jsonb #>> '{stream.messages,hard}' = '50000', 'a hard deletion would do: ' || :'counts');
SELECT stream_delete_users('{psql-1}', 'hard', 'hard', 'hard', 'hard', new_owner => 'psql-3') ->> 'task_id' AS task \gset
SELECT stream_wait_task(:'task', '2 minutes') AS answer \gset
SELECT pg_temp.expect(:'answer'::jsonb #> '{result,counts}' = :'counts', 'hard-deleted, which did just that');

-- The proof
SELECT pg_temp.expect(count(*) = 0, 'nothing holds the id psql-1 any more') FROM stream_verify_erasure('psql-1');
SELECT pg_temp.expect(created_by_id = 'psql-3', 'the team channel belongs to ' || created_by_id) FROM stream.channels WHERE cid = 'team:psql';
