#!/bin/bash
# Throttled workers: pauses between chunks and rows a second are kept, changed while a task runs, and
# never in the way of a cancel.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i)), false) FROM generate_series(1, 300) AS i;
INSERT INTO stream.channels (type, id) VALUES ('team', '1');
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:1', 'm' || i, 'u' || 1 + i % 20, 'text' FROM generate_series(1, 40000) AS i;
SQL
# Each next_task marks 2,000 messages.
took() { task "$1" "round(1000 * extract(epoch FROM finished_at - started_at))"; }
done_rows() { task "$task" 'done'; }
at_work() { holds "done > 0 FROM stream.tasks WHERE id = '$task'"; }
configure() {
    sql -c "LOAD 'stream_users'" -c "ALTER SYSTEM SET stream_users.$1 = '$2'" -c 'SELECT pg_reload_conf()' >/dev/null
}

# -- rows per second

next_task
start_worker stream_users.rows_per_second=1000
wait_for_workers
between "2,000 rows at 1,000 a second take two seconds but for the last chunk's, in milliseconds" "$(took "$task")" 900 8000
next_task
start_worker stream_users.rows_per_second=1000 stream_users.chunk_rows=100
wait_for_workers
between "In smaller chunks too" "$(took "$task")" 1850 8000
same "The rate that is shown afterwards is that one, within a tenth or what the machine can" \
    "$(value "SELECT rows_per_second BETWEEN 200 AND 1100 FROM stream.task_progress WHERE task_id = '$task'")" t
small=()
for i in {101..130}; do
    small+=("SELECT stream_delete_users('{u$i}', 'soft', NULL, NULL, NULL);")
done
sql -c "${small[*]}" >/dev/null
started=$(milliseconds)
start_worker stream_users.rows_per_second=10
wait_for_workers
between "Thirty tasks of one row at ten rows a second take three seconds together or more, in milliseconds" \
    $(($(milliseconds) - started)) 2800 50000

# -- pauses

next_task
start_worker stream_users.chunk_rows=250 stream_users.chunk_pause=200
wait_for_workers
between "Eight chunks with pauses of 200 ms between them take 1.4 seconds and a little, in milliseconds" "$(took "$task")" 1400 8000

# -- what it holds while it pauses

next_task
value "UPDATE stream.tasks SET work_seconds = 5 WHERE id = '$task'" >/dev/null
start_worker stream_users.chunk_rows=250 stream_users.chunk_pause=400
eventually 10 'the task to be counted' holds "total IS NOT NULL FROM stream.tasks WHERE id = '$task'"
backend="FROM pg_stat_activity WHERE pid = (SELECT worker_pid FROM stream.tasks WHERE id = '$task')"
eventually 10 'the worker to rest' holds "state = 'idle' $backend"
same "A worker that pauses holds neither a snapshot, nor a transaction id, nor a lock on any table" \
    "$(value "SELECT backend_xmin IS NULL, backend_xid IS NULL, (SELECT count(*) FROM pg_locks l WHERE l.pid = a.pid AND relation IS NOT NULL) FROM (SELECT * $backend) AS a")" "t|t|0"
same "Its task is running, at a step, with what is done" \
    "$(value "SELECT p.status, p.step, p.done = t.done, percent > 0 AND percent < 100
              FROM stream.task_progress p JOIN stream.tasks t ON t.id = p.task_id WHERE p.task_id = '$task'")" \
    "running|mark stream.messages by user_id|t|t"

started=$(milliseconds)
value "SELECT stream_cancel_task('$task')" >/dev/null
same "A cancel ends it in the middle of its pause" "$(ended "$task")" cancelled
between "within a second, in milliseconds" $(($(milliseconds) - started)) 0 1000
same "It keeps what is done, and says so" \
    "$(value "SELECT stream_get_task('$task') -> 'result'")" "{\"counts\": {\"stream.messages\": {\"soft\": $(value "SELECT count(deleted_at) FROM stream.messages WHERE user_id = 'u$user'")}}}"
wait_for_workers

# -- changes while a task runs

configure rows_per_second 100
next_task
start_worker stream_users.chunk_rows=100
eventually 10 'the task to get going' at_work
value 'SELECT pg_sleep(0.5)' >/dev/null
between "With rows_per_second = 100 in the server's configuration a task has hardly begun" "$(done_rows)" 100 1000
configure rows_per_second 0
started=$(milliseconds)
same "Without it, after a reload, the same worker completes it" "$(ended "$task")" completed
between "at once, in milliseconds" $(($(milliseconds) - started)) 0 5000
wait_for_workers
next_task
hold_debug_points # else it may be done before the pause is configured
start_worker stream_users.chunk_rows=1 stream_users.debug_point=after_chunk_commit:wait:50
eventually 10 'the task to get going' at_work
configure chunk_pause 60s
value 'SELECT pg_sleep(0.2)' >/dev/null
release
value 'SELECT pg_sleep(0.2)' >/dev/null
stands=$(done_rows)
value 'SELECT pg_sleep(0.5)' >/dev/null
same "A pause that is configured while a task runs stops it after its chunk" "$(done_rows) $(task "$task" status)" "$stands running"
configure chunk_pause 0
same "One that is taken away lets it go on at once" "$(ended "$task")" completed
wait_for_workers

finish
