-- Tasks in a database without pg_cron: everything works but the schedule, which says what is missing.
CREATE EXTENSION IF NOT EXISTS stream_users;
DO $$
DECLARE message text; detail text; hint text;
BEGIN
    PERFORM stream_start_workers();
EXCEPTION WHEN SQLSTATE 'ST016' THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE INFO E'%\n%\n%', message, detail, hint;
END $$;
SELECT stream_upsert_users('[{"id": "w-ann"}, {"id": "w-bob"}, {"id": "w-cem"}]', false) - 'duration' AS upserted;
INSERT INTO stream.channels (type, id, created_by_id) VALUES ('messaging', 'w', 'w-ann'), ('team', 'w', 'w-ann');
INSERT INTO stream.channel_members (cid, user_id)
VALUES ('messaging:w', 'w-ann'), ('messaging:w', 'w-bob'), ('team:w', 'w-ann'), ('team:w', 'w-bob'), ('team:w', 'w-cem');
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:w', 'w' || i, CASE i % 2 WHEN 0 THEN 'w-ann' ELSE 'w-bob' END, 'text' FROM generate_series(1, 100) AS i;

-- A soft, a pruning and a hard deletion, each in many small transactions of a worker.
SET stream_users.chunk_rows = 7;
CREATE TEMP TABLE made (n serial, id uuid);
INSERT INTO made (id) SELECT (stream_delete_users('{w-ann}') ->> 'task_id')::uuid;
INSERT INTO made (id) SELECT (stream_delete_users('{w-ann}', 'pruning', 'pruning') ->> 'task_id')::uuid;
INSERT INTO made (id) SELECT (stream_delete_users('{w-ann}', 'hard', 'hard', 'hard', 'hard', new_owner => 'w-cem') ->> 'task_id')::uuid;
CALL stream_run_tasks(until_idle => true);
SELECT n, t.status, t.result -> 'counts' AS counts FROM made JOIN stream.tasks t USING (id) ORDER BY n;
SELECT cid, created_by_id FROM stream.channels WHERE id = 'w';
SELECT user_id, count(*), count(deleted_at) AS deleted FROM stream.messages WHERE id LIKE 'w%' GROUP BY 1;
SELECT id FROM stream.users WHERE id LIKE 'w-%' ORDER BY 1;

-- A worker stays for its time and no longer, and takes a task that was cancelled and is retried.
INSERT INTO made (id) SELECT (stream_delete_users('{w-bob}') ->> 'task_id')::uuid;
SELECT stream_cancel_task(id) ->> 'status' AS cancelled FROM made WHERE n = 4;
CALL stream_run_tasks(run_for => '10 milliseconds');
SELECT stream_get_task(id) ->> 'status' AS status FROM made WHERE n = 4;
SELECT stream_retry_task(id) ->> 'status' AS retried FROM made WHERE n = 4;
CALL stream_run_tasks(until_idle => true);
SELECT stream_wait_task(id) #> '{result,counts}' AS counts FROM made WHERE n = 4;
RESET stream_users.chunk_rows;
DELETE FROM stream.messages WHERE id LIKE 'w%';
DELETE FROM stream.channels WHERE id = 'w';
DELETE FROM stream.channel_members WHERE user_id LIKE 'w-%';
DELETE FROM stream.users WHERE id LIKE 'w-%';
DELETE FROM stream.tasks;
DELETE FROM stream.task_users;
