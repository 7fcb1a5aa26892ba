#!/bin/bash
# Deletions driven by pg_cron alone: from call to completed with no other command, picked up in
# milliseconds by a worker that costs nothing while it waits, and handed over from minute to minute.
# Without pg_cron the extension works and says what is missing.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --database scheduled
database=scheduled
sql >/dev/null <<'SQL'
CREATE EXTENSION pg_cron;
CREATE EXTENSION stream_users;
CREATE EXTENSION pgtap;
CREATE EXTENSION stream_users_pgtap;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i)), false) FROM generate_series(1, 40) AS i;
INSERT INTO stream.channels (type, id, created_by_id) VALUES ('team', '1', 'u1');
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:1', 'm' || i, 'u' || 1 + i % 3, 'text' FROM generate_series(1, 300) AS i;
SQL

# -- with pg_cron: the schedule

# No run of pg_cron's is due until the schedule is as it shall be; pg_cron has seen its empty table
# and sleeps. The extension that is created in the other database below makes the server's queue of
# invalidations run over before it would look again.
sleep 1.5
while ((10#$(date +%S) > 55)); do sleep 0.5; done
value 'SELECT stream_start_workers(2)' >/dev/null
same "Two workers are two jobs" "$(value "SELECT count(*) FROM cron.job WHERE database = 'scheduled' AND active")" 2
same "Starting workers again replaces the schedule" \
    "$(value "SELECT stream_start_workers() ->> 'workers', (SELECT count(*) FROM cron.job)")" "1|2"
same "There is one job then" "$(value 'SELECT count(*) FROM cron.job')" 1

remove() {
    value "SELECT stream_delete_users(ARRAY['$1'], '$2', '$2', '$3', '$3') ->> 'task_id'"
}
soft=$(remove u1 soft soft)
pruning=$(remove u2 pruning soft)
hard=$(remove u3 hard hard)

# -- meanwhile, without pg_cron

database=postgres
sql -c 'CREATE EXTENSION stream_users' >/dev/null
check "Without pg_cron the extension can be created" holds "EXISTS (SELECT FROM pg_extension WHERE extname = 'stream_users')"
for call in 'stream_start_workers()' 'stream_stop_workers()'; do
    said=$(session -v VERBOSITY=verbose -c "SELECT $call" 2>&1 || true)
    check "Without pg_cron $call fails with SQLSTATE ST016" grep -q '^ERROR:  ST016: ' <<<"$said"
    check "Its message names pg_cron" grep -q '^ERROR: .*"pg_cron" is not installed' <<<"$said"
    check "Its hint says how to install it, and what works without" \
        grep -q '^HINT: .*shared_preload_libraries.*cron.database_name.*CREATE EXTENSION pg_cron.*CALL stream_run_tasks()' <<<"$said"
done
value "SELECT stream_upsert_users('{\"id\": \"ann\"}')" >/dev/null
by_hand=$(value "SELECT stream_delete_users('{ann}') ->> 'task_id'")
value "CALL stream_run_tasks(until_idle => true)"
same "Without pg_cron a worker called by hand does the work" "$(task "$by_hand" status)" completed

# -- from call to completed

database=scheduled
outcome() {
    value "SELECT stream_wait_task('$1', '90 seconds') ->> 'status'"
}
same "A soft delete is completed with no other command" "$(outcome "$soft")" completed
same "A pruning delete is completed with no other command" "$(outcome "$pruning")" completed
same "A hard delete is completed with no other command" "$(outcome "$hard")" completed
between "The slowest was completed within the minute that pg_cron takes to its first start, in seconds" \
    "$(value "SELECT ceil(extract(epoch FROM max(finished_at - created_at))) FROM stream.tasks")" 0 65
same "Each has done its work" \
    "$(value "SELECT user_id, count(*), count(text), count(deleted_at) FROM stream.messages GROUP BY 1 ORDER BY 1")" \
    "u1|100|100|100
u2|100|0|100"

# -- a worker that waits

workers="FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.objsubid = 21334"
eventually 10 'the worker to wait' holds "EXISTS (SELECT $workers AND a.state = 'idle')"
worker=$(value "SELECT a.pid $workers")
started=$(value "SELECT a.backend_start $workers")
same "The worker that waits is pg_cron's" "$(value "SELECT a.backend_type $workers")" pg_cron
same "It holds neither a snapshot nor a transaction id" \
    "$(value "SELECT a.backend_xmin IS NULL AND a.backend_xid IS NULL, a.state $workers")" "t|idle"
cpu_ticks() { sed 's/.*) //' "/proc/$worker/stat" | awk '{ print $12 + $13 }'; }
ticks=$(cpu_ticks)
sleep 5
between "In five seconds of waiting it uses next to no processor time, in ticks of 10 ms" $(($(cpu_ticks) - ticks)) 0 3

for i in {11..30}; do
    printf '%s\n' "SELECT stream_delete_users('{u$i}') ->> 'task_id' AS task \\gset" \
        "SELECT stream_wait_task(:'task', '5 seconds') ->> 'status';"
done >"$work/twenty.sql"
same "Twenty tasks, made one after another while it waits, are completed" \
    "$(sql <"$work/twenty.sql" | sort | uniq -c | tr -s ' ')" " 20 completed"
between "It picks them up within milliseconds of the call: median, in microseconds" \
    "$(value "SELECT round(1e6 * percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at)))
              FROM (SELECT * FROM stream.tasks ORDER BY seq DESC LIMIT 20) AS t")" 0 50000
same "It is still the same worker" "$(value "SELECT a.pid $workers")" "$worker"

# It heeds changes of the server's configuration.
configure() { sql -c "LOAD 'stream_users'" -c "ALTER SYSTEM $1" -c 'SELECT pg_reload_conf()' >/dev/null; }
configure "SET stream_users.chunk_pause = '1 h'"
eventually 10 'the configuration to be read' holds "current_setting('stream_users.chunk_pause', true) = '1 h'"
throttled=$(remove u32 soft soft)
eventually 20 'the task to be taken up' holds "status = 'running' FROM stream.tasks WHERE id = '$throttled'"
same "A throttle that is configured while it waits holds its next chunk back" \
    "$(value "SELECT stream_wait_task('$throttled', '0.5 seconds') ->> 'status'")" running
configure "RESET stream_users.chunk_pause"
same "Without it the chunk is done at once" "$(value "SELECT stream_wait_task('$throttled', '5 seconds') ->> 'status'")" completed

# -- the end of the minute

# What pg_cron 1.4 notes as the end of a run can be when it began to wait for that end: the
# processes themselves are looked at.
eventually 75 'the next worker to wait' holds "EXISTS (SELECT $workers AND a.pid <> $worker)"
between "At the end of the first one's 60.2 seconds the next worker starts by itself: from start to start, in milliseconds" \
    "$(value "SELECT round(1000 * extract(epoch FROM a.backend_start - '$started'::timestamptz)) $workers")" 60100 63300
same "There is one worker still" "$(value "SELECT count(*) $workers")" 1
same "What is enqueued then is completed as before" "$(outcome "$(remove u31 soft soft)")" completed

# -- suites of an application

suite() { sql -c BEGIN -c 'SELECT plan(1)' -c "$1" -c 'SELECT * FROM finish()' -c ROLLBACK; }
same "A suite's task_completes waits for pg_cron's worker" \
    "$(suite "SELECT task_completes('$(remove u33 soft soft)', '30 s', 'u33 is deleted')")" "1..1
ok 1 - u33 is deleted"

# -- stopping

started=$(milliseconds)
value 'SELECT stream_stop_workers()' >/dev/null
eventually 20 'the worker to end' holds "NOT EXISTS (SELECT $workers)"
between "After stream_stop_workers() the waiting worker ends by itself, in milliseconds" $(($(milliseconds) - started)) 0 1500
same "No job is left" "$(value 'SELECT count(*) FROM cron.job')" 0
eventually 5 'pg_cron to note the end' holds "NOT EXISTS (SELECT FROM cron.job_run_details WHERE status IN ('starting', 'running'))"
same "No run has failed" \
    "$(value "SELECT string_agg(status || ': ' || return_message, '; ') FROM cron.job_run_details WHERE status <> 'succeeded'")" ""
check "A suite's task_completes fails when nobody works, and says so" \
    grep -q '^#     found: task .* is pending after 00:00:00.2$' <<<"$(suite "SELECT task_completes('$(remove u34 soft soft)', '0.2 s')")"
same "Nothing in the server's log calls it a failure" "$(grep -E 'FATAL|ERROR|WARNING' "$cluster/log" | grep -v 'pg_cron" is not installed' || true)" ""

finish
