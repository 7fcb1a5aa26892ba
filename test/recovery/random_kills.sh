#!/bin/bash
# Fifty kills in one run, each at a random moment of its fiftieth of seven deletions and restores:
# the worker's backend by SIGKILL, the whole server by SIGKILL, the server by an immediate stop, in
# turn. The end is that of a run that nobody disturbed. SEED chooses the moments, KILLS their number.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

total_kills=${KILLS:-50}
seed=${SEED:-$RANDOM}
RANDOM=$seed
note "SEED=$seed KILLS=$total_kills"

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
load

# users FROM TO [ID…]: an array of ids. Of u1–u10 each wrote a tenth of the messages.
users() {
    local from=$1 to=$2
    shift 2
    echo "(ARRAY(SELECT 'u' || i FROM generate_series($from, $to) AS i) || '{$(IFS=, && echo "$*")}'::text[])"
}
erased=$(users 11 40 u1 u2)
# Who is restored and reactivated below was deleted or deactivated here, or just before in the queue.
value "SELECT stream_delete_users($(users 201 240 u5 u6)), stream_deactivate_users($(users 241 260 u3 u4), true, true)" >/dev/null
value "CALL stream_run_tasks(until_idle => true)"
sql >/dev/null <<SQL
SELECT stream_delete_users($erased, $hard);
SELECT stream_restore_users($(users 201 240 u5 u6));
SELECT stream_delete_users($(users 101 160 u7 u8), 'pruning', 'pruning', 'soft', 'soft');
SELECT stream_delete_users($(users 161 200 u9 u10));
SELECT stream_reactivate_users($(users 241 260 u3 u4), true, true);
SELECT stream_restore_users($(users 161 180 u9));
SELECT stream_delete_users($(users 191 210 u9), NULL, 'pruning', NULL, 'hard');
SQL

copy_database undisturbed
database=undisturbed
value "CALL stream_run_tasks(run_for => '90 seconds', until_idle => true)"
outcomes >"$work/wanted.outcomes"
state >"$work/wanted"
same "An undisturbed run completes all tasks" "$(value "SELECT status, count(*) FROM stream.tasks GROUP BY 1")" "completed|9"
same "Each kind of task has something to do" \
    "$(value "SELECT count(*) FROM stream.tasks WHERE done > 5000")" 9

database=postgres
before=$(value 'SELECT sum(done) FROM stream.tasks')
total=$(($(database=undisturbed value 'SELECT sum(done) FROM stream.tasks') - before))

# when_done ROWS: waits until the tasks have done so many rows and a worker is at one of them; says
# where that one stands, and the worker's process, or nothing when it is between two tasks.
when_done() {
    sql -v rows="$1" <<'EOQ'
CREATE TEMPORARY VIEW at_work AS
SELECT t.kind, t.done, t.worker_pid
FROM stream.tasks t JOIN pg_locks l ON l.pid = t.worker_pid AND l.locktype = 'advisory' AND l.objsubid = 21334
WHERE t.status = 'running';
SELECT format('DO $$ BEGIN
    WHILE (SELECT NOT bool_and(status = ''completed'') AND (sum(done) < %s OR NOT EXISTS (SELECT FROM at_work)) FROM stream.tasks) LOOP
        COMMIT;
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$', :rows)
\gexec
SELECT kind || ' ' || done, worker_pid FROM at_work;
EOQ
}

kinds=(worker server immediate)
first=$((RANDOM % 3))
kills=0 # that came while a task was running
for ((round = 0; round < total_kills; round++)); do
    kind=${kinds[(first + round) % 3]}
    moment=$(((round * 32768 + RANDOM) * total / (total_kills * 32768) * 96 / 100))
    start_worker stream_users.chunk_rows=20
    for _ in {1..20}; do
        progress=$(when_done $((before + moment)))
        [[ -z $progress ]] || break
    done
    worker=${progress#*|}
    if [[ -n $worker ]]; then kills=$((kills + 1)); fi
    note "kill $((round + 1)), $kind, at row $moment of $total: ${progress%|*}"
    case $kind in
    worker) kill -KILL "$worker" ;;
    server) test/cluster kill "$cluster" ;;
    immediate) test/cluster stop "$cluster" -m immediate ;;
    esac
    wait_for_workers
    [[ $kind == worker ]] || test/cluster start "$cluster"
    eventually 60 'the server to answer' server_answers
done
same "All $total_kills kills come while a task is running" "$kills" "$total_kills"

start_worker
wait_for_workers
outcomes >"$work/got.outcomes"
state >"$work/got"
same_file "All tasks complete, with every row counted once, and leave nothing of their own" "$work/got.outcomes" "$work/wanted.outcomes"
same_file "The end state is that of the undisturbed run" "$work/got" "$work/wanted"
same "No bound column holds the ids of the users to be erased" "$(remains "$erased")" ""
same "What workers said is only that the server was gone" \
    "$(grep -E 'ERROR|FATAL' "$work/worker.log" | grep -vE 'terminating connection' || true)" ""

finish
