#!/bin/bash
# SIGKILL of a worker in the middle of a hard delete of 100,000 messages, and the end of a worker's
# session: another worker goes on where the last committed chunk ended, and the end is that of a run
# that nobody disturbed.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
load
copy_database undisturbed killed

# In the middle of the work: half of the messages that go lie before this one. Who deletes it waits as
# long as it is held.
obstacle="SELECT FROM stream.messages WHERE id = 'm50000' FOR KEY SHARE"

database=undisturbed
wanted_counts=$(foreseen)
same "The data to be deleted has 100,000 messages of 40 users in channels of others, with 50,000 reactions" \
    "$(value "SELECT count(*) FILTER (WHERE t), count(*) FILTER (WHERE NOT t) FROM (
        SELECT true AS t FROM stream.messages WHERE cid LIKE 'team:%' AND user_id = ANY ($ids)
        UNION ALL SELECT false FROM stream.messages m JOIN stream.reactions r ON r.cid = m.cid AND r.message_id = m.id WHERE m.user_id = ANY ($ids)) AS x")" \
    "100000|50000"
undisturbed=$(delete_users)
value "CALL stream_run_tasks(run_for => '90 seconds', until_idle => true)"
same "An undisturbed run completes" "$(task "$undisturbed" status)" completed
same "It does what the dry run foresaw" "$(counts_of "$undisturbed")" "$wanted_counts"
state >"$work/wanted"

# -- SIGKILL

database=killed
same "Before it is disturbed the copy foresees the same counts" "$(foreseen)" "$wanted_counts"
killed=$(delete_users)
hold "$obstacle"
start_worker stream_users.chunk_rows=500
eventually 30 'the worker to reach the middle of the task' waits_for_lock "$killed"
before=$(task "$killed" "status, cursor, counts")
worker=$(task "$killed" worker_pid)
between "The worker is in the middle of the task when it is killed" "$(task "$killed" 'done')" 5000 150000
same "The task is running then" "${before%%|*}" running
in_cluster kill -KILL "$worker"
release
wait_for_workers
eventually 60 'the server to restart' server_answers
check "The server restarts because of the kill" grep -q "(PID $worker) was terminated by signal 9" "$cluster/log"
same "After the restart the task stands at its last committed chunk, still running" \
    "$(task "$killed" "status, cursor, counts")" "$before"
start_worker
result=$(value "SELECT stream_wait_task('$killed', '90 seconds') ->> 'status'")
same "A new worker completes the task" "$result" completed
same "Every row is counted once" "$(counts_of "$killed")" "$wanted_counts"
same "Two workers have had it" "$(task "$killed" attempts)" 2
state >"$work/got"
same_file "The end state is that of the undisturbed run" "$work/got" "$work/wanted"
same "No bound column holds the ids" "$(remains "$ids")" ""
wait_for_workers

# -- the end of a session, with another worker waiting

database=postgres
ended=$(delete_users)
hold "$obstacle"
start_worker stream_users.chunk_rows=500
eventually 30 'the worker to reach the middle of the task' waits_for_lock "$ended"
start_waiting_worker
eventually 10 'a second worker to wait' holds \
    "count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 21334"
before=$(task "$ended" "done")
worker=$(task "$ended" worker_pid)
taken_over() {
    holds "EXISTS (SELECT FROM stream.tasks WHERE id = '$ended' AND worker_pid <> $worker)"
}
started=$(milliseconds)
value "SELECT pg_terminate_backend($worker)" >/dev/null
eventually 20 'the waiting worker to take over' taken_over
between "A waiting worker takes the task over from one whose session ended, in milliseconds" \
    $(($(milliseconds) - started)) 0 1000
eventually 20 'the second worker to reach the obstacle' waits_for_lock "$ended"
between "It goes on at the cursor: when it reaches the same row, what was committed is still done" \
    "$(task "$ended" 'done')" "$before" 150000
release
result=$(value "SELECT stream_wait_task('$ended', '90 seconds') ->> 'status'")
same "The second worker completes the task" "$result" completed
same "Every row is counted once, whoever deleted it" "$(counts_of "$ended")" "$wanted_counts"
state >"$work/got"
same_file "The end state is that of the undisturbed run again" "$work/got" "$work/wanted"

finish
