#!/bin/bash
# Tasks that are over go after stream_users.keep_tasks, and so do pg_cron's records of workers' runs; what
# somebody may still need stays.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster"
sql >/dev/null <<'SQL'
CREATE EXTENSION pg_cron;
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i)), false) FROM generate_series(1, 20) AS i;
INSERT INTO stream.channels (type, id) VALUES ('team', '1');
INSERT INTO stream.messages (cid, id, user_id, text, attachments)
SELECT 'team:1', 'm' || i, 'u' || 1 + i % 20, 'text', '[{"type": "file", "asset_url": "https://files/1"}]' FROM generate_series(1, 100) AS i;
SQL
run() { value "CALL stream_run_tasks(until_idle => true)"; }
# Lets everything that is over have been over for so long.
age() { value "UPDATE stream.tasks SET finished_at = finished_at - interval '$1' WHERE finished_at IS NOT NULL"; }
delete() { value "SELECT stream_delete_users('{$1}', $2) ->> 'task_id'"; }
there() { value "SELECT count(*) FROM stream.tasks WHERE id IN ('$1')"; }
fail_with() { in_cluster env PGOPTIONS="-c stream_users.debug_point=inside_chunk:error:$1" psql -XqAt -c 'CALL stream_run_tasks(until_idle => true)'; }

# -- what goes

broken=$(delete u3 "NULL, 'soft', NULL, NULL")
fail_with XX123
gone=$(delete u1 "'hard', 'hard', 'hard', 'hard'")
stopped=$(delete u2 "NULL, 'soft', NULL, NULL")
value "SELECT stream_cancel_task('$stopped')" >/dev/null
run
same "There are a failed, a completed and a cancelled task" \
    "$(value "SELECT string_agg(status, ' ' ORDER BY seq) FROM stream.tasks")" "failed completed cancelled"
age '29 days 23 hours'
run
same "By default they stay for 30 days" "$(value 'SELECT count(*) FROM stream.tasks')" 3
age '2 hours'
pending=$(delete u4 "'soft', 'soft', NULL, NULL")
value "UPDATE stream.tasks SET created_at = created_at - interval '60 days' WHERE id = '$pending'"
run
same "Then they go" "$(there "$broken', '$gone', '$stopped")" 0
same "with the users they were about" "$(value 'SELECT count(*) FROM stream.task_users')" 0
same "One that was made long ago and has only now come to its end stays" "$(task "$pending" status)" completed

same "The setting says how long: a minute" \
    "$(age '2 minutes'; in_cluster env PGOPTIONS='-c stream_users.keep_tasks=1' psql -XqAt -c 'CALL stream_run_tasks(until_idle => true)'; there "$pending")" 0
kept=$(delete u5 "NULL, 'soft', NULL, NULL")
run
age '10 years'
same "With -1 they stay for ever" \
    "$(in_cluster env PGOPTIONS='-c stream_users.keep_tasks=-1' psql -XqAt -c 'CALL stream_run_tasks(until_idle => true)'; there "$kept")" 1
value "BEGIN; CALL stream_run_tasks(until_idle => true); COMMIT"
same "Inside a transaction block nothing is trimmed" "$(there "$kept")" 1
run

value "INSERT INTO stream.tasks (kind, status, finished_at) SELECT 'delete_users', 'completed', now() - interval '31 days' FROM generate_series(1, 5500)"
run
same "Many go at once" "$(value 'SELECT count(*) FROM stream.tasks')" 0

# -- what is needed

soft=$(delete u6 "'soft', 'soft', NULL, NULL")
run
age '31 days'
run
same "A soft deletion goes as any other" "$(there "$soft")" 0
restore=$(value "SELECT stream_restore_users('{u6}') ->> 'task_id'")
run
same "Its user can be restored all the same, with all it marked" \
    "$(value "SELECT deleted_at, (SELECT count(*) FROM stream.messages WHERE user_id = 'u6' AND deleted_at IS NULL) FROM stream.users WHERE id = 'u6'")" "|5"
same "by a task" "$(task "$restore" status)" completed

unfinished=$(delete u7 "'hard', 'hard', 'hard', 'hard'")
fail_with XX123
age '31 days'
run
same "A failed deletion stays as long as its users are marked by it: only its retry can finish it" "$(task "$unfinished" status)" failed
value "SELECT stream_retry_task('$unfinished')" >/dev/null
run
same "The retry finishes it" "$(task "$unfinished" status) $(remains "'{u7}'::text[]")" "completed "
abandoned=$(delete u8 "'soft', 'soft', NULL, NULL")
fail_with XX123
value "SELECT stream_restore_users('{u8}')" >/dev/null
run
age '31 days'
run
same "One whose users have been restored goes" "$(there "$abandoned', '$unfinished")" 0

# -- pg_cron's records

value "SELECT stream_start_workers(2)" >/dev/null
sql >/dev/null <<'SQL'
SELECT cron.schedule('other', '0 0 1 1 *', 'SELECT 1');
INSERT INTO cron.job_run_details (jobid, runid, database, username, command, status, start_time, end_time)
SELECT j.jobid, 1000000 + row_number() OVER (ORDER BY d.age DESC), d.database, 'postgres', j.command, d.status, now() - d.age, CASE WHEN d.status = 'succeeded' THEN now() - d.age END
FROM cron.job j, LATERAL (VALUES (current_database(), 'succeeded', interval '31 days'), (current_database(), 'failed', '31 days'),
                                 (current_database(), 'succeeded', '29 days'), ('elsewhere', 'succeeded', '31 days')) AS d (database, status, age),
     generate_series(1, 700)
ORDER BY d.age DESC;
SELECT stream_stop_workers();
SQL
runs="SELECT CASE WHEN command ~ 'stream_run_tasks' THEN 'worker' ELSE 'other' END AS whose, database, count(*) FILTER (WHERE start_time < now() - interval '30 days'), count(*) FILTER (WHERE start_time > now() - interval '30 days')
      FROM cron.job_run_details WHERE runid > 1000000 GROUP BY 1, 2 ORDER BY 1, 2"
run
same "Of pg_cron's records those of workers of this database go, the old ones" "$(value "$runs")" \
    "other|elsewhere|700|0
other|postgres|1400|700
worker|elsewhere|1400|0
worker|postgres|0|1400"

finish
