#!/bin/bash
# Cancelling running deletions: they end within a second, what was committed stays, the worker
# lives on, and a retry goes on where the task stopped.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
load
copy_database undisturbed many one_chunk
messages_left() { value 'SELECT count(*) FROM stream.messages'; }
obstacle="SELECT FROM stream.messages WHERE id = 'm50000' FOR KEY SHARE"

# cancel_in_time TASK: cancels it and says how many milliseconds it took to end.
cancel_in_time() {
    local started
    started=$(milliseconds)
    value "SELECT stream_cancel_task('$1')" >/dev/null
    value "SELECT stream_wait_task('$1', '20 seconds')" >/dev/null
    echo $(($(milliseconds) - started))
}

database=undisturbed
wanted_counts=$(foreseen)
delete_users >/dev/null
value "CALL stream_run_tasks(run_for => '90 seconds', until_idle => true)"
state >"$work/wanted"

# -- between many small chunks

database=postgres
at_first=$(messages_left)
running=$(delete_users)
start_waiting_worker stream_users.chunk_rows=100
eventually 30 'the task to get going' holds "done > 10000 FROM stream.tasks WHERE id = '$running'"
same "The task is running when it is cancelled" "$(task "$running" status)" running
between "A running deletion ends within a second of stream_cancel_task, in milliseconds" \
    "$(cancel_in_time "$running")" 0 1000
same "Its status is cancelled" "$(value "SELECT stream_get_task('$running') ->> 'status'")" cancelled
same "What its committed chunks erased stays erased, and is what it counts" \
    "$((at_first - $(messages_left)))" "$(task "$running" "COALESCE(counts #>> '{stream.messages,hard}', '0')")"
between "It has not done everything" "$(messages_left)" 20000 "$((at_first - 1000))"
same "Its users stay deleted, as the call left them" \
    "$(value "SELECT count(*) FROM stream.users WHERE id = ANY ($ids) AND deleted_mode = 'hard'")" 40
same "A retry puts it back into the queue" "$(value "SELECT stream_retry_task('$running') ->> 'status'")" pending
same "The retry completes it" "$(value "SELECT stream_wait_task('$running', '90 seconds') ->> 'status'")" completed
same "Over both runs every row is counted once" "$(counts_of "$running")" "$wanted_counts"
state >"$work/got"
same_file "The end state is that of a run that was not cancelled" "$work/got" "$work/wanted"

# -- at any moment of a chunk, or between two

database=many
presence="FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 21334 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
start_waiting_worker stream_users.chunk_rows=2
eventually 10 'the worker to wait' holds "count(*) = 1 $presence"
worker=$(value "SELECT pid $presence")
# Each marks what the ones before it have not come to.
in_time=0
for _ in {1..25}; do
    task=$(value "SELECT stream_delete_users($ids, NULL, 'soft', NULL, NULL) ->> 'task_id'")
    eventually 10 'the task to be taken up' holds "status = 'running' AND done > 0 FROM stream.tasks WHERE id = '$task'"
    if (($(cancel_in_time "$task") <= 1000)); then in_time=$((in_time + 1)); fi
done
same "Of 25 running tasks each ends within a second of being cancelled" "$in_time" 25
same "The status of each is cancelled" \
    "$(value "SELECT status, count(*) FROM stream.tasks GROUP BY status")" "cancelled|25"
same "The worker that had them all lives on" "$(value "SELECT pid $presence")" "$worker"
same "It has seen no error" "$(cat "$work/worker.log")" ""

# -- inside one long chunk

database=one_chunk
at_first=$(messages_left)
long=$(delete_users)
hold "$obstacle"
start_waiting_worker stream_users.chunk_rows=1000000
eventually 30 'the worker to be in the middle of the chunk' waits_for_lock "$long"
between "A deletion inside a chunk of a million rows, which waits for a lock there, ends within a second, in milliseconds" \
    "$(cancel_in_time "$long")" 0 1000
release
same "The chunk leaves nothing behind" "$(task "$long" status) $(task "$long" 'done') $((at_first - $(messages_left)))" "cancelled 0 0"
value "SELECT stream_retry_task('$long')" >/dev/null
busy() { holds "clock_timestamp() - updated_at > '100 ms' AND status = 'running' FROM stream.tasks WHERE id = '$long'"; }
eventually 10 'the worker to have been busy with the chunk for a while' busy
between "So does one that is busy" "$(cancel_in_time "$long")" 0 1000
same "It leaves nothing behind either" "$(task "$long" status) $(task "$long" 'done') $((at_first - $(messages_left)))" "cancelled 0 0"
value "SELECT stream_retry_task('$long')" >/dev/null
same "A later retry completes it" "$(value "SELECT stream_wait_task('$long', '90 seconds') ->> 'status'")" completed
same "Every row is counted once" "$(counts_of "$long")" "$wanted_counts"
state >"$work/got"
same_file "The end state is that of a run that was not cancelled" "$work/got" "$work/wanted"

# -- in a task that as a rule is over where it is taken up

brief=$(value "SELECT stream_deactivate_users('{u299}') ->> 'task_id'")
same "A deactivation completes" "$(ended "$brief")" completed
same "It was taken up once" "$(task "$brief" "attempts, started_at <= finished_at, worker_pid")" "1|t|"
hold "LOCK TABLE stream.users IN SHARE MODE"
brief=$(value "SELECT stream_deactivate_users('{u300}') ->> 'task_id'")
eventually 10 'the worker to wait for the lock' waits_for_lock "$brief"
between "One that waits for a lock is seen running and ends within a second, in milliseconds" \
    "$(cancel_in_time "$brief")" 0 1000
release
deactivated="deactivated_by_task IS NOT NULL FROM stream.users WHERE id = 'u300'"
same "Its user is not deactivated" "$(task "$brief" status) $(value "SELECT $deactivated")" "cancelled f"
value "SELECT stream_retry_task('$brief')" >/dev/null
same "A later retry completes it" "$(ended "$brief") $(value "SELECT $deactivated")" "completed t"
same "It was taken up twice" "$(task "$brief" attempts)" 2

finish
