#!/bin/bash
# What stream.task_progress and pg_stat_activity say is true at every moment of a task's life: at work,
# throttled, retried, waiting for others, and when its worker is gone.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
load
progress() { value "SELECT $2 FROM stream.task_progress WHERE task_id = '$1'"; }
shows() { holds "EXISTS (SELECT FROM stream.task_progress WHERE task_id = '$1' AND $2)"; }
# What pg_stat_activity shows of the worker that has the task.
activity() { value "SELECT $2 FROM pg_stat_activity WHERE pid = (SELECT worker_pid FROM stream.tasks WHERE id = '$1')"; }
activity_shows() { [[ $(activity "$1" "$2") == t ]]; }
soft() { value "SELECT stream_delete_users('{$1}', NULL, 'soft', NULL, NULL) ->> 'task_id'"; }
# As if it had worked for so long that its rows are counted.
has_worked() { value "UPDATE stream.tasks SET work_seconds = 5 WHERE id = '$1'" >/dev/null; }

# What is marked by the task, as its counts would say it.
marked() {
    value "SELECT jsonb_object_agg(name, jsonb_build_object('soft', n))
           FROM (SELECT 'stream.messages' AS name, count(*) AS n FROM stream.messages WHERE deleted_by_task = '$1'
                 UNION ALL SELECT 'stream.activities', count(*) FROM stream.activities WHERE deleted_by_task = '$1'
                 UNION ALL SELECT 'stream.comments', count(*) FROM stream.comments WHERE deleted_by_task = '$1') AS t WHERE n > 0"
}

# -- a whole run, looked at again and again

# Looks at every task until none is left, and remembers what it saw.
sql >/dev/null <<'SQL'
CREATE TABLE looks (n integer, LIKE stream.task_progress);
CREATE PROCEDURE look() LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1..1000000 LOOP
        INSERT INTO looks SELECT n, p.* FROM stream.task_progress p;
        COMMIT;
        EXIT WHEN NOT EXISTS (SELECT FROM stream.tasks WHERE status IN ('pending', 'running'));
        PERFORM pg_sleep(0.005);
        COMMIT;
    END LOOP;
END
$$;
SQL
first=$(delete_users)
second=$(value "SELECT stream_delete_users('{u1,u60}', NULL, 'soft', NULL, NULL) ->> 'task_id'")
value 'CALL look()' >"$work/look.log" 2>&1 &
looking=$!
start_worker stream_users.chunk_rows=500 stream_users.debug_point=before_chunk_commit:error:40001:60:2
start_worker stream_users.chunk_rows=500
wait_for_workers
wait "$looking" || true
same "The one who looked has met no error" "$(cat "$work/look.log")" ""
between "He has looked often" "$(value "SELECT count(*) FROM looks WHERE task_id = '$first'")" 20 1000000
broken() { value "SELECT count(*) FROM looks WHERE NOT ($1)"; }
same "At every look done is no more than total" "$(broken 'total IS NULL OR done BETWEEN 0 AND total')" 0
same "percent goes with done and total, and 100 is kept for the end" \
    "$(broken "percent BETWEEN 0 AND 100 AND (percent = 100) = (status = 'completed')")" 0
same "The bar goes with percent" "$(broken "bar = CASE WHEN status = 'completed' THEN repeat('#', 20) ELSE rpad(repeat('#', (percent / 5)::integer), 20, '.') END")" 0
same "There is always a step" "$(broken "step <> ''")" 0
same "A rate is never negative, and never beyond what there is to do" "$(broken 'rows_per_second IS NULL OR rows_per_second BETWEEN 0 AND 10000000')" 0
same "Nor is an estimate; one is there only while a worker is at it" "$(broken "eta_seconds IS NULL OR eta_seconds >= 0 AND status = 'running'")" 0
same "Nothing is ever taken back" "$(value "SELECT count(*) FROM looks a JOIN looks b USING (task_id) WHERE a.n < b.n AND (a.done > b.done OR a.percent > b.percent)")" 0
same "No worker was ever gone" "$(value "SELECT count(*) FROM looks WHERE step ~ 'worker gone'")" 0
same "While the first was at work the second said what it waited for" \
    "$(value "SELECT DISTINCT b.step FROM looks b JOIN looks a USING (n) WHERE a.task_id = '$first' AND a.status = 'running' AND b.task_id = '$second' AND b.status = 'pending'")" \
    "waiting for task $first"
same "In the end the rate is that of all the work" \
    "$(progress "$first" "rows_per_second = round((done / (SELECT work_seconds FROM stream.tasks WHERE id = task_id))::numeric)")" t

# -- pg_stat_activity

busy=$(soft u50)
has_worked "$busy"
hold_debug_points
start_waiting_worker stream_users.chunk_rows=10 stream_users.debug_point=before_chunk_commit:wait:4
eventually 20 'the worker to be in its fourth chunk' waits_for_lock "$busy"
same "pg_stat_activity says what a worker is at" \
    "$(activity "$busy" "query ~ '^stream_users: delete_users ${busy:0:8}: mark stream.[a-z]+ by user_id, [0-9.]+ (%|rows)$', state")" "t|active"
same "with the percentage that task_progress shows" "$(activity "$busy" "query LIKE '% ' || (SELECT percent FROM stream.task_progress WHERE task_id = '$busy') || ' %%'")" t
worker=$(task "$busy" worker_pid)
release
value "SELECT stream_wait_task('$busy', '30 seconds')" >/dev/null
eventually 10 'the worker to be idle' holds "state = 'idle' FROM pg_stat_activity WHERE pid = $worker"
same "Between tasks it says that it waits for them" "$(value "SELECT query FROM pg_stat_activity WHERE pid = $worker")" "stream_users: waits for tasks"
value "SELECT pg_cancel_backend($worker)" >/dev/null
wait_for_workers
open_session caller
tell caller "SELECT pg_backend_pid() AS pid \\gset" "\\echo pid :pid" "CALL stream_run_tasks(until_idle => true);"
same "After the CALL it is the session's query again" \
    "$(value "SELECT query FROM pg_stat_activity WHERE pid = $(sed -n 's/^pid //p' "$work/caller.out")")" "CALL stream_run_tasks(until_idle => true);"
end_session caller

# -- waiting for older writers

open_session writer
tell writer "BEGIN;" "SELECT pg_current_xact_id();"
waiting=$(value "SELECT stream_delete_users('{u51}', 'hard', 'hard', 'hard', 'hard') ->> 'task_id'")
start_worker
eventually 20 'the task to wait for older writers' shows "$waiting" "step = 'wait for older writers'"
same "A task that waits for older writers says so and has no estimate; its worker lives" \
    "$(for _ in {1..30}; do progress "$waiting" "status, step, eta_seconds IS NULL, attempts"; done | sort -u)" "running|wait for older writers|t|1"
eventually 10 'pg_stat_activity to say so' activity_shows "$waiting" "query ~ 'wait for older writers'"
end_session writer "COMMIT;"
wait_for_workers
same "It goes on when they have ended" "$(task "$waiting" status)" completed

# -- pauses and retries

paused=$(soft u52)
has_worked "$paused"
start_worker stream_users.chunk_rows=20 stream_users.chunk_pause=300
eventually 20 'the task to get going' shows "$paused" "done > 0 AND total IS NOT NULL AND rows_per_second IS NOT NULL"
between "The rate of a task with pauses of 300 ms between its chunks is what it comes to with them" "$(progress "$paused" rows_per_second)" 1 80
same "The estimate goes with it" "$(progress "$paused" "eta_seconds = ceil((total - done) / (SELECT rows_per_second FROM stream.tasks WHERE id = task_id))")" t
value "SELECT stream_cancel_task('$paused')" >/dev/null
wait_for_workers
same "A cancelled task says what it has done" \
    "$(value "SELECT r #> '{result,counts}', r #>> '{progress,step}' FROM stream_get_task('$paused') AS r")" "$(marked "$paused")|cancelled"

retried=$(soft u53)
start_worker stream_users.chunk_rows=20 stream_users.debug_point=inside_chunk:error:55P03:4:5
eventually 20 'the task to be retried' shows "$retried" "retries >= 4"
wait_for_workers
same "Waiting for retries, some seconds, is no part of the rate" \
    "$(progress "$retried" "rows_per_second > 2 * done / extract(epoch FROM finished_at - started_at), status")" "t|completed"
same "nor is the failure any more" "$(progress "$retried" "error, retries, retry_at")" "|0|"

failed_task=$(soft u54)
start_worker stream_users.chunk_rows=20 stream_users.debug_point=inside_chunk:error:XX123:4
wait_for_workers
same "A failed task says what it has done, why it failed and where" \
    "$(value "SELECT r #> '{result,counts}', r #>> '{error,type}', r #>> '{error,description}', r #>> '{progress,step}' FROM stream_get_task('$failed_task') AS r")" \
    "$(marked "$failed_task")|XX123|debug point reached|mark stream.messages by user_id"

# -- a worker that is gone

gone=$(soft u55)
start_worker stream_users.chunk_rows=5 stream_users.debug_point=after_chunk_commit:error:XX123:3
wait_for_workers
same "A task whose worker's call has ended says so" "$(progress "$gone" "status, step, eta_seconds")" "running|worker gone, waiting to be taken over|"
same "So does stream_get_task" "$(value "SELECT stream_get_task('$gone') #>> '{progress,step}'")" "worker gone, waiting to be taken over"
start_worker stream_users.chunk_rows=5 stream_users.debug_point=after_chunk_commit:kill:3
wait_for_workers
eventually 60 'the server to restart' server_answers
same "and after a crash of the server" "$(progress "$gone" "status, step, done > 0")" "running|worker gone, waiting to be taken over|t"
before=$(progress "$gone" rows_per_second)
value 'SELECT pg_sleep(1)' >/dev/null
hold_debug_points
start_worker stream_users.chunk_rows=5 stream_users.debug_point=after_chunk_commit:wait
eventually 20 'the next worker to have done a chunk' waits_for_lock "$gone"
same "The next one takes it over, and is there" "$(progress "$gone" "status, step, attempts")" "running|mark stream.messages by user_id|3"
between "The time without a worker is no part of the rate" "$(progress "$gone" rows_per_second)" $((before / 10)) 10000000
release
wait_for_workers

# -- more rows than are counted with what hangs on them

sql >/dev/null <<'SQL'
SELECT stream_upsert_users('[{"id": "many"}, {"id": "other"}]', false);
TRUNCATE stream.messages, stream.reactions;
INSERT INTO stream.messages (cid, id, user_id)
SELECT 'team:many', u.id || i, u.id FROM generate_series(1, 101000) AS i, (VALUES ('many'), ('other')) AS u (id);
INSERT INTO stream.reactions (cid, message_id, user_id, type)
SELECT cid, id, 'other', 'like' FROM stream.messages WHERE user_id = 'many' AND right(id, 1) IN ('0', '2', '4', '6', '8');
ANALYZE stream.messages, stream.reactions;
SQL
many=$(value "SELECT stream_delete_users('{many}', NULL, 'hard', NULL, NULL) ->> 'task_id'")
has_worked "$many"
start_worker stream_users.chunk_rows=20000 stream_users.debug_point=after_chunk_commit:error:XX123:2
wait_for_workers
between "At first as many reactions are expected as the tables have for each message: one for four" "$(task "$many" total)" 120000 133000
value "UPDATE stream.tasks SET total = NULL WHERE id = '$many'" >/dev/null
start_worker stream_users.chunk_rows=20000 stream_users.debug_point=after_chunk_commit:error:XX123:2
wait_for_workers
between "then as many as went with those before: one for two" "$(task "$many" total)" 151000 152000
start_worker
wait_for_workers
same "In the end it is what has been done" "$(task "$many" "status, total, done")" "completed|151500|151500"

# Of every three messages one is marked already.
sql >/dev/null <<'SQL'
TRUNCATE stream.messages, stream.reactions;
INSERT INTO stream.messages (cid, id, user_id, deleted_at)
SELECT 'team:many', 'm' || i, 'many', CASE WHEN i % 3 = 0 THEN now() END FROM generate_series(1, 180000) AS i;
SQL
unmarked=$(value "SELECT count(*) FROM stream.messages WHERE deleted_at IS NULL")
marked_many=$(soft many)
has_worked "$marked_many"
start_worker stream_users.chunk_rows=20000 stream_users.debug_point=after_chunk_commit:error:XX123:2
wait_for_workers
between "Of many messages the marked ones are not expected" "$(task "$marked_many" total)" $((unmarked * 97 / 100)) $((unmarked * 103 / 100))
start_worker
wait_for_workers
same "and not counted" "$(task "$marked_many" "status, total, done")" "completed|$unmarked|$unmarked"

finish
