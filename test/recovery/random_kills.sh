#!/bin/bash
# Seven kills, each at a random moment of a seventh of three overlapping deletions: the worker's backend by SIGKILL, the
# whole server by SIGKILL, the server by an immediate stop, in turn. The end is that of a run that
# nobody disturbed. SEED chooses the moments.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

seed=${SEED:-$RANDOM}
RANDOM=$seed
note "SEED=$seed"

test/cluster create "$cluster" --no-cron
load

# The third waits for the first: they share u1 and u2.
delete_all() {
    value "SELECT stream_delete_users($ids, $hard) ->> 'task_id'"
    value "SELECT stream_delete_users(ARRAY(SELECT 'u' || i FROM generate_series(101, 160) AS i), 'pruning', 'pruning', 'soft', 'soft') ->> 'task_id'"
    value "SELECT stream_delete_users(ARRAY(SELECT 'u' || i FROM generate_series(161, 200) AS i) || '{u1,u2}', NULL, 'soft', NULL, 'soft') ->> 'task_id'"
}
all_counts() {
    value "SELECT seq, status, jsonb_pretty(result -> 'counts') FROM stream.tasks ORDER BY seq"
}

copy_database undisturbed
database=undisturbed
delete_all >/dev/null
value "CALL stream_run_tasks(run_for => '90 seconds', until_idle => true)"
all_counts >"$work/wanted.counts"
state >"$work/wanted"
same "An undisturbed run completes all three" \
    "$(value "SELECT string_agg(status, ' ') FROM stream.tasks")" "completed completed completed"

total=$(value 'SELECT sum(done) FROM stream.tasks')

# when_done ROWS: waits until the tasks have done so many rows, and says where they stand.
when_done() {
    sql -v rows="$1" <<'EOQ'
SELECT format('DO $$ BEGIN
    WHILE (SELECT sum(done) < %s AND NOT bool_and(status = ''completed'') FROM stream.tasks) LOOP
        COMMIT;
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$', :rows)
\gexec
SELECT string_agg(status || ' ' || done, ', ' ORDER BY seq) FROM stream.tasks;
EOQ
}

database=postgres
delete_all >/dev/null
kinds=(worker server immediate)
first=$((RANDOM % 3))
kills=0 # that came while a task was running
for round in {0..6}; do
    kind=${kinds[(first + round) % 3]}
    moment=$(((round * 32768 + RANDOM) * total / (7 * 32768) * 97 / 100))
    start_worker stream_users.chunk_rows=20
    progress=$(when_done $moment)
    if [[ $progress == *running* ]]; then kills=$((kills + 1)); fi
    note "kill $((round + 1)), $kind, at row $moment of $total: $progress"
    case $kind in
    worker)
        worker=$(value "SELECT t.worker_pid FROM stream.tasks t JOIN pg_stat_activity a ON a.pid = t.worker_pid WHERE t.status = 'running'")
        [[ -z $worker ]] || in_cluster kill -KILL "$worker"
        ;;
    server) test/cluster kill "$cluster" ;;
    immediate) test/cluster stop "$cluster" -m immediate ;;
    esac
    wait_for_workers
    [[ $kind == worker ]] || test/cluster start "$cluster"
    eventually 60 'the server to answer' server_answers
done
same "All seven kills come while a task is running" "$kills" 7

start_worker
wait_for_workers
all_counts >"$work/got.counts"
state >"$work/got"
same_file "All tasks complete, with every row counted once" "$work/got.counts" "$work/wanted.counts"
same_file "The end state is that of the undisturbed run" "$work/got" "$work/wanted"
same "No bound column holds the ids of the users to be erased" "$(remains "$ids")" ""
same "What workers said is only that the server was gone" \
    "$(grep -E 'ERROR|FATAL' "$work/worker.log" | grep -vE 'terminating connection' || true)" ""

finish
