#!/bin/bash
# Conflicts with other sessions: a chunk that meets one is rolled back and retried by itself, later and
# later, while everything else goes on; any other error ends the task at once.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off -c deadlock_timeout=100ms
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i)), false) FROM generate_series(1, 100) AS i;
INSERT INTO stream.channels (type, id) VALUES ('team', '1');
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:1', 'm' || i, 'u' || 1 + i % 100, 'text' FROM generate_series(1, 1000) AS i;
SQL
# Each next_task marks ten messages.
obstacle() { echo "SELECT FROM stream.messages WHERE user_id = 'u$user' FOR UPDATE"; }
progress() { value "SELECT $2 FROM stream.task_progress WHERE task_id = '$1'"; }
waits_to_retry() { holds "EXISTS (SELECT FROM stream.task_progress WHERE task_id = '$1' AND status = 'pending' AND retry_at IS NOT NULL)"; }

# -- which errors

for code in 40001 40P01 55P03; do
    next_task
    start_worker stream_users.debug_point=inside_chunk:error:$code:1:2
    wait_for_workers
    same "A chunk that fails twice with $code is retried until it succeeds" \
        "$(task "$task" "status, retries, retry_at, error, result")" 'completed|0|||{"counts": {"stream.messages": {"soft": 10}}}'
    between "It took its time between: milliseconds" \
        "$(task "$task" "round(1000 * extract(epoch FROM finished_at - started_at))")" 150 5000
done
for code in 23505 57014 53200 XX000; do
    next_task
    start_worker stream_users.debug_point=inside_chunk:error:$code:1:2
    wait_for_workers
    if [[ $code == 57014 ]]; then
        same "A query cancel that nobody asked for ends the worker and leaves the task to the next" "$(task "$task" "status, retries")" 'running|0'
        value "CALL stream_run_tasks(until_idle => true)"
        same "Which completes it" "$(task "$task" "status, attempts")" 'completed|2'
    else
        same "After $code a task has failed, without a retry" "$(task "$task" "status, retries, error ->> 'type'")" "failed|0|$code"
    fi
done

# -- how often

next_task
start_worker stream_users.max_retries=2 stream_users.debug_point=inside_chunk:error:40001:1:100
wait_for_workers
same "After max_retries retries the task has failed, with the error" \
    "$(task "$task" "status, error, retry_at, result")" \
    "failed|{\"step\": \"$(task "$task" "error ->> 'step'")\", \"type\": \"40001\", \"description\": \"debug point reached\"}||{\"counts\": {}}"
same "A manual retry starts anew" "$(value "SELECT stream_retry_task('$task') ->> 'status'")" pending
start_worker stream_users.max_retries=2 stream_users.debug_point=inside_chunk:error:40001:1:2
wait_for_workers
same "and has all its retries" "$(task "$task" status)" completed
next_task
start_worker stream_users.max_retries=1 stream_users.chunk_rows=2 stream_users.debug_point=inside_chunk:error:40001:2
wait_for_workers
same "With retries allowed a later chunk's failure is one" "$(task "$task" status)" completed
next_task
start_worker stream_users.max_retries=0 stream_users.debug_point=inside_chunk:error:40001
wait_for_workers
same "max_retries = 0 retries nothing" "$(task "$task" "status, error ->> 'type'")" "failed|40001"

next_task
value "UPDATE stream.tasks SET retries = 40 WHERE id = '$task'"
start_worker stream_users.max_retries=100 stream_users.debug_point=inside_chunk:error:40001
eventually 20 'the task to fail' waits_to_retry "$task"
between "However many retries there were, the next comes within half a minute: seconds" \
    "$(task "$task" "round(extract(epoch FROM retry_at - updated_at))")" 14 30
same "While it waits its progress says so, and why" \
    "$(progress "$task" "status, step ~ '^waiting to retry: .*stream.messages', error, retries, eta_seconds")" \
    "pending|t|40001: debug point reached|41|"
same "So does stream_get_task" "$(value "SELECT stream_get_task('$task') #>> '{error,type}', stream_get_task('$task') ->> 'status'")" "40001|pending"
same "It can be cancelled meanwhile, at once" "$(value "SELECT stream_cancel_task('$task') ->> 'status'")" cancelled
same "and is not retried then" "$(progress "$task" "status, step, error, retry_at")" "cancelled|cancelled||"
wait_for_workers

# -- locks of an application

next_task
behind=$task
hold "$(obstacle)"
start_worker stream_users.lock_timeout=100ms
eventually 20 'the task to be put off' holds "retries > 0 FROM stream.tasks WHERE id = '$behind'"
same "A chunk waits no longer than stream_users.lock_timeout for a lock; then it lets go of its own" \
    "$(task "$behind" "error ->> 'type'")" 55P03
same "A task on the same user waits for it" "$(
    value "SELECT stream_delete_users('{u$user}', NULL, 'pruning', NULL, NULL) ->> 'task_id' AS id" >"$work/later"
    progress "$(<"$work/later")" step)" "waiting for task $behind"
next_task
same "Others go on meanwhile, with the same worker" "$(ended "$task")" completed
eventually 20 'another retry' holds "retries > 2 FROM stream.tasks WHERE id = '$behind'"
release
same "Once the lock is free the task completes" "$(ended "$behind")" completed
same "and the one behind it" "$(ended "$(<"$work/later")")" completed
wait_for_workers
same "A worker that ends when idle has waited for the retries" "$(value "SELECT count(*) FROM stream.tasks WHERE status IN ('pending', 'running')")" 0

next_task
hold "$(obstacle)"
start_worker lock_timeout=100ms
eventually 20 'the task to be put off' holds "retries > 0 FROM stream.tasks WHERE id = '$task'"
same "With stream_users.lock_timeout = 0 the session's own lock_timeout holds" "$(task "$task" "error ->> 'type'")" 55P03
release
wait_for_workers

# -- deadlocks

# Both hold what the other wants next: the worker marks activities before messages.
value "INSERT INTO stream.activities (id, user_id) VALUES ('a', 'u100')" >/dev/null
task=$(value "SELECT stream_delete_users('{u100}', NULL, 'soft', NULL, NULL) ->> 'task_id'")
open_session other
tell other "SET deadlock_timeout = '60 s';" "BEGIN;" "UPDATE stream.messages SET text = 'edited' WHERE user_id = 'u100';"
hold_debug_points
start_worker stream_users.debug_point=inside_chunk:wait
eventually 20 'the worker to hold its activities' waits_for_lock "$task"
echo "UPDATE stream.activities SET text = 'edited' WHERE id = 'a';" >&"${session_input[other]}"
eventually 20 'the other session to wait for the worker' holds \
    "count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE%'"
release
eventually 20 'the chunk to meet the deadlock' holds "retries > 0 FROM stream.tasks WHERE id = '$task'"
same "A worker in a deadlock gives way" "$(task "$task" "error ->> 'type'")" 40P01
end_session other "COMMIT;"
wait_for_workers
same "and completes the task afterwards" "$(task "$task" "status, counts")" \
    'completed|{"stream.messages": {"soft": 10}, "stream.activities": {"soft": 1}}'
same "The other session has lost nothing" "$(value "SELECT count(*) FROM (SELECT text FROM stream.messages UNION ALL SELECT text FROM stream.activities) AS t WHERE text = 'edited'")" 11

# -- other sessions' isolation

next_task
start_worker default_transaction_isolation=serializable
next_task
start_worker default_transaction_isolation='repeatable\ read'
wait_for_workers
same "Workers are READ COMMITTED, whatever a session's default: they meet no serialization failures of their own" \
    "$(value "SELECT count(*) FROM stream.tasks WHERE status IN ('pending', 'running')")" 0
same "No worker has ended with an error but the one that was cancelled" "$(grep -c ERROR "$work/worker.log")" 1

finish
