#!/bin/bash
# The points at which tests stop, fail or kill a worker are where they say they are.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
CREATE ROLE clerk LOGIN;
SELECT stream_grant('clerk', 'reader');
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i)), false) FROM generate_series(1, 200) AS i;
INSERT INTO stream.channels (type, id) VALUES ('team', '1');
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:1', 'm' || i, 'u' || 1 + i % 200, 'text' FROM generate_series(1, 4000) AS i;
SQL
setting() { session -v VERBOSITY=verbose -c "LOAD 'stream_users'" -c "SET stream_users.debug_point = '$1'" 2>&1 | sed -n 's/^ERROR:  \([^:]*\).*/\1/p'; }
same "A point's action, its turn and how often it errs can be set" \
    "$(for s in inside_chunk:kill after_end_commit:postmaster:2 before_claim_commit:wait inside_chunk:error:40001:1:3 ''; do setting "$s"; done)" ""
for wrong in nowhere:kill inside_chunk inside_chunk:sing inside_chunk:kill:0 inside_chunk:kill:1:1 inside_chunk:error \
    inside_chunk:error:4000 inside_chunk:error:40001:x; do
    same "The setting refuses $wrong" "$(setting "$wrong")" 22023
done
same "Nobody but a superuser may set it" "$(in_cluster env PGOPTIONS='-c stream_users.debug_point=inside_chunk:kill' \
    psql -XqAt -U clerk -d postgres -c 'SELECT stream_query_users() IS NULL' -c 'SHOW stream_users.debug_point' 2>/dev/null)" "f"

# task_at POINT: where the task of the next user stands when a worker of two rows a chunk is killed there.
task_at() {
    next_task
    start_worker "stream_users.chunk_rows=2" "stream_users.debug_point=$1:kill"
    wait_for_workers
    eventually 60 'the server to restart' server_answers
    stands=$(value "SELECT concat_ws(' ', status, attempts, CASE WHEN done = 20 THEN 'all' WHEN cursor IS NULL OR '$1' = 'inside_chunk' AND done = 0 THEN 'nothing' ELSE 'a chunk' END)
                    FROM stream.tasks WHERE id = '$task'")
    value "CALL stream_run_tasks(until_idle => true)"
}
while read -r point wanted; do
    task_at "$point"
    same "A worker killed at $point leaves what was committed there" "$stands" "$wanted"
    same "Another one completes it" "$(task "$task" "status, counts")" 'completed|{"stream.messages": {"soft": 20}}'
done <<'POINTS'
before_claim_commit pending 0 nothing
after_claim_commit running 1 nothing
inside_chunk running 1 nothing
before_chunk_commit running 1 nothing
after_chunk_commit running 1 a chunk
before_end_commit running 1 all
after_end_commit completed 1 all
POINTS

next_task
start_worker stream_users.chunk_rows=2 stream_users.debug_point=inside_chunk:kill:3
wait_for_workers
eventually 60 'the server to restart' server_answers
same "A point acts at the passing that was asked for" "$(task "$task" "counts #> '{stream.messages,soft}'")" 4
value "CALL stream_run_tasks(until_idle => true)"

next_task
hold_debug_points
start_worker stream_users.chunk_rows=2 stream_users.debug_point=inside_chunk:wait:2
eventually 30 'the worker to come to the point' waits_for_lock "$task"
same "A worker waits at a point as long as it is held" "$(task "$task" "counts #> '{stream.messages,soft}'")" 2
release
wait_for_workers
same "Then it goes on" "$(task "$task" status)" completed

next_task
start_worker stream_users.debug_point=inside_chunk:error:XX123
wait_for_workers
same "A point raises the error that was asked for" "$(task "$task" "status, error ->> 'type'")" "failed|XX123"

# A brief task is over where it is taken up. What fails there is done in a chunk of its own.
brief() { task=$(value "SELECT stream_deactivate_users('{u$1}') ->> 'task_id'"); }
brief 150
start_worker stream_users.debug_point=before_end_commit:kill
wait_for_workers
eventually 60 'the server to restart' server_answers
same "A worker killed at the end of a brief task has not taken it up" "$(task "$task" "status, attempts")" "pending|0"
start_worker stream_users.debug_point=before_end_commit:error:XX123
wait_for_workers
same "One that fails there does it again" "$(task "$task" "status, attempts, counts")" 'completed|1|{"stream.users": {"deactivated": 1}}'
brief 151
start_worker stream_users.debug_point=before_end_commit:error:XX123:1:2
wait_for_workers
same "One that fails twice tells why" "$(task "$task" "status, attempts, error ->> 'type', counts")" "failed|1|XX123|{}"
same "And leaves nothing behind" "$(value "SELECT deactivated_at FROM stream.users WHERE id = 'u151'")" ""
brief 152
start_worker stream_users.debug_point=after_end_commit:kill
wait_for_workers
eventually 60 'the server to restart' server_answers
same "A worker killed after the commit of a brief task has completed it" "$(task "$task" "status, attempts")" "completed|1"

next_task
start_worker stream_users.debug_point=before_claim_commit:postmaster
wait_for_workers
check "A point stops the server" eventually 60 'the server to be gone' test ! -e "$cluster/data/postmaster.pid"
test/cluster start "$cluster"
value "CALL stream_run_tasks(until_idle => true)"
same "After its next start the task completes" "$(task "$task" status)" completed

finish
