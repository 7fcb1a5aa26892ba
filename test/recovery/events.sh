#!/bin/bash
# Events with real sessions: notifications, reading in order without gaps whatever order transactions
# commit in, trimming by the worker, erasing side by side, a standby, and a log that moves to another
# server.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

chmod 777 "$work" # the dump is written by the cluster's user
test/cluster create "$cluster" --no-cron
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i)), false) FROM generate_series(1, 20) AS i;
SQL
latest() { value "SELECT stream_read_events('latest') ->> 'next'"; }
# read_from POSITION [MAX]: the events in short.
read_from() {
    value "SELECT string_agg(concat_ws(' ', e ->> 'type', e ->> 'user_id'), ', ' ORDER BY n)
           FROM jsonb_array_elements(stream_read_events('$1', ${2:-1000}) -> 'events') WITH ORDINALITY AS a (e, n)"
}
# The log as the table has it, an event a line.
whole_log() {
    value "SELECT concat_ws(' ', seq || '.' || COALESCE(n, 1), type, u)
           FROM stream.events LEFT JOIN LATERAL unnest(user_ids) WITH ORDINALITY AS l (u, n) ON true ORDER BY seq, n"
}

# -- notifications

open_session listener
tell listener 'LISTEN stream_users;'
# heard: the payloads that came since the last call, a line each.
heard() {
    local before
    before=$(cat "$work/heard" 2>/dev/null || echo 0)
    tell listener 'SELECT;'
    wc -l <"$work/listener.out" >"$work/heard"
    tail -n "+$((before + 1))" "$work/listener.out" |
        sed -n 's/^Asynchronous notification "stream_users" with payload "\(.*\)" received.*/\1/p'
}
value "SELECT stream_upsert_users('[{\"id\": \"u1\", \"name\": \"A\"}, {\"id\": \"u2\"}, {\"id\": \"u3\", \"name\": \"C\"}]', false)" >/dev/null
same "Listeners hear of a call when it is committed, and of whom it changed" \
    "$(heard)" '{"type":"user.updated","count":2,"user_ids":["u1","u3"]}'
value "SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'many' || i)), false) FROM generate_series(1, 3000) AS i" >/dev/null
same "Of many users they hear once, and only how many" "$(heard)" '{"type":"user.updated","count":3000}'
sql -c "BEGIN" -c "SELECT stream_patch_user('u1', '{\"name\": \"B\"}')" -c "ROLLBACK" >/dev/null
same "They hear nothing of what is rolled back" "$(heard)" ""
task=$(value "SELECT stream_delete_users('{u2}') ->> 'task_id'")
same "They hear of a deletion, its mode and its task" \
    "$(heard)" "{\"type\":\"user.deleted\",\"count\":1,\"user_ids\":[\"u2\"],\"task_id\":\"$task\",\"user_mode\":\"soft\"}"
value "CALL stream_run_tasks(until_idle => true)"
same "They hear when the task is done" "$(heard)" "{\"type\":\"task.completed\",\"task_id\":\"$task\",\"kind\":\"delete_users\"}"
for mode in off outbox notify; do
    in_cluster env PGOPTIONS="-c stream_users.events=$mode" psql -XqAt -d "$database" \
        -c "SELECT stream_patch_user('u1', '{\"name\": \"$mode\"}')" >/dev/null
done
same "With off or outbox they hear nothing, with notify they do" "$(heard)" '{"type":"user.updated","count":1,"user_ids":["u1"]}'
end_session listener

# -- order

position=$(latest)
open_session first
tell first 'BEGIN;' "SELECT stream_patch_user('u1', '{\"badge\": 1}');"
value "SELECT stream_patch_user('u3', '{\"badge\": 1}')" >/dev/null
same "An event whose transaction committed is not read while an earlier one is open" "$(read_from "$position")" ""
same "Nor does 'latest' lie behind it" "$(latest)" "$position"
tell first 'COMMIT;'
same "Once that is committed both are read, in the order in which they were made" \
    "$(read_from "$position")" "user.updated u1, user.updated u3"

position=$(latest)
tell first 'BEGIN;' "SELECT stream_patch_user('u1', '{\"badge\": 2}');"
value "SELECT stream_patch_user('u3', '{\"badge\": 2}')" >/dev/null
tell first 'ROLLBACK;'
same "Once it is rolled back the other one is read" "$(read_from "$position")" "user.updated u3"

position=$(latest)
tell first 'BEGIN;' 'SELECT pg_current_xact_id();'
value "SELECT stream_deactivate_user('u4')" >/dev/null
tell first "SELECT stream_reactivate_user('u4');" 'COMMIT;'
same "A user's events are in the order of its changes, not of the transactions' numbers" \
    "$(read_from "$position")" "user.deactivated u4, task.completed, user.reactivated u4, task.completed"

position=$(latest)
tell first 'BEGIN ISOLATION LEVEL REPEATABLE READ;' 'SELECT 1;'
value "SELECT stream_patch_user('u3', '{\"badge\": 3}')" >/dev/null
same "A transaction that writes nothing holds nobody up" "$(read_from "$position")" "user.updated u3"
tell first "SELECT 'in it: ' || jsonb_array_length(stream_read_events('$position') -> 'events');" 'COMMIT;'
same "Inside it the events are those of its snapshot" "$(grep 'in it' "$work/first.out")" "in it: 0"

position=$(latest)
value "SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'row' || i)), false) FROM generate_series(1, 3) AS i" >/dev/null
same "A limit holds inside one row" "$(read_from "$position" 2)" "user.updated row1, user.updated row2"

# -- many writers, one reader

sql <<'SQL'
-- n transactions: each deactivates or reactivates one of ten users whom all writers share, and
-- creates three of its own, before or after; one in ten is rolled back.
CREATE PROCEDURE write_much(writer text, n integer) LANGUAGE plpgsql AS $$
DECLARE
    shared text;
    early boolean;
BEGIN
    FOR i IN 1..n LOOP
        shared := 'u' || 11 + floor(random() * 10);
        early := random() < 0.5;
        IF early THEN
            PERFORM stream_upsert_users(jsonb_agg(jsonb_build_object('id', format('%s-%s-%s', writer, i, k))), false) FROM generate_series(1, 3) AS k;
        END IF;
        PERFORM pg_sleep(random() * 0.003);
        BEGIN
            IF random() < 0.5 THEN PERFORM stream_deactivate_user(shared); ELSE PERFORM stream_reactivate_user(shared); END IF;
        EXCEPTION WHEN SQLSTATE 'ST004' THEN -- it is so already
        END;
        PERFORM pg_sleep(random() * 0.003);
        IF NOT early THEN
            PERFORM stream_upsert_users(jsonb_agg(jsonb_build_object('id', format('%s-%s-%s', writer, i, k))), false) FROM generate_series(1, 3) AS k;
        END IF;
        IF random() < 0.1 THEN ROLLBACK; ELSE COMMIT; END IF;
    END LOOP;
END $$;
SQL
first_position=$(latest)
{
    printf '\\set next %s\n' "$first_position"
    until [[ -e $work/reader.stop ]]; do
        printf '%s\n' "SELECT a ->> 'next' AS next, a -> 'events' AS events FROM stream_read_events(:'next', 7) AS a \\gset" '\qecho :events' || break
    done
    for _ in {1..2000}; do
        printf '%s\n' "SELECT a ->> 'next' AS next, a -> 'events' AS events FROM stream_read_events(:'next', 7) AS a \\gset" '\qecho :events' || break
    done
} 2>/dev/null | session >"$work/reader.out" 2>&1 &
reader=$!
writers=()
for name in a b c d e f; do
    value "CALL write_much('$name', 150)" >"$work/writer_$name.out" 2>&1 &
    writers+=($!)
done
for writer in "${writers[@]}"; do wait "$writer"; done
same "Writers see no error" "$(cat "$work"/writer_*.out)" ""
answers=$(grep -vcF '[]' "$work/reader.out")
touch "$work/reader.stop"
wait "$reader"
between "The reader had its answers while they wrote" "$answers" 100 1000000
in_cluster psql -XqAt -d "$database" -v ON_ERROR_STOP=1 -c 'CREATE TABLE answers (n integer GENERATED ALWAYS AS IDENTITY, events jsonb)' \
    -c "\\copy answers (events) FROM '$work/reader.out' WITH (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')"
value "SELECT concat_ws(' ', e ->> 'position', e ->> 'type', e ->> 'user_id')
       FROM answers, jsonb_array_elements(events) WITH ORDINALITY AS a (e, k) ORDER BY n, k" >"$work/read"
whole_log | awk -v after="$first_position" 'BEGIN { split(after, p, ".") } { split($1, q, "."); if (q[1] > p[1]) print }' >"$work/log"
between "They wrote some thousand events" "$(wc -l <"$work/log")" 2000 10000
same_file "It has read every event once, in the order of the log" "$work/read" "$work/log"
same "Each user was deactivated and reactivated in turns, as the events have it" \
    "$(awk '$2 ~ /activated/ && $2 == last[$3] { print } { if ($2 ~ /activated/) last[$3] = $2 }' "$work/read")" ""
same "The last event of each says how it is now" \
    "$(awk '$2 ~ /activated/ { last[$3] = $2 } END { for (u in last) print u, last[u] }' "$work/read" | sort)" \
    "$(value "SELECT id || ' ' || CASE WHEN deactivated_at IS NULL THEN 'user.reactivated' ELSE 'user.deactivated' END
              FROM stream.users WHERE id ~ '^u(1[1-9]|20)\$'" | sort)"

# -- erasing side by side

value "SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'e' || i)), false) FROM generate_series(1, 400) AS i" >/dev/null
value "SELECT count(stream_delete_users(ARRAY['e' || i, 'e' || i + 200], $hard)) FROM generate_series(1, 100) AS i" >/dev/null
for _ in 1 2 3; do start_worker; done
wait_for_workers
same "Workers that erase users whom the same rows name don't get into each other's way" \
    "$(value "SELECT status, count(*) FROM stream.tasks WHERE params ->> 'user_mode' = 'hard' GROUP BY 1")" "completed|100"
same "The log names them in the events of those deletions alone" \
    "$(value "SELECT type, count(*) FROM stream.events, unnest(user_ids) AS u
              WHERE u ~ '^e[0-9]' AND NOT EXISTS (SELECT FROM stream.users WHERE id = u) GROUP BY 1")" "user.deleted|200"
same "Those who stay are still named" \
    "$(value "SELECT count(*) FROM stream.events, unnest(user_ids) AS u WHERE u ~ '^e[0-9]' AND type = 'user.updated'")" 200

# -- trimming

old=$(value 'SELECT max(seq) FROM stream.events WHERE seq <= (SELECT max(seq) / 2 FROM stream.events)')
value "UPDATE stream.events SET created_at = now() - interval '8 days' WHERE seq <= $old"
tell first 'BEGIN;' "SELECT stream_patch_user('u1', '{\"badge\": 4}');"
start_waiting_worker
eventually 20 'the worker to trim' holds "min(seq) > $old FROM stream.events"
same "A worker trims what is older than a week, and only that" \
    "$(value "SELECT count(*) FROM stream.events WHERE created_at < now() - interval '7 days'") $(value 'SELECT seq FROM stream.events_trimmed')" \
    "0 $old"
same "Whoever has not read it is told so" \
    "$(session -v VERBOSITY=sqlstate -c "SELECT stream_read_events('$first_position')" 2>&1)" "ERROR:  ST016"
same "Whoever has, goes on" "$(read_from "$(value 'SELECT seq || $$.$$ || events FROM stream.events_trimmed')" 1)" \
    "$(value "SELECT concat_ws(' ', type, user_ids[1]) FROM stream.events ORDER BY seq LIMIT 1")"
end_session first 'COMMIT;'

# -- numbers that were taken back

position=$(latest)
value "SELECT setval('stream.events_seq_seq', 5)" >/dev/null
same "Numbers that lag behind rows, as after logical replication, don't mislead readers" "$(read_from "$position")" ""
value "SELECT stream_patch_user('u3', '{\"badge\": 7}')" >/dev/null
same "New events go behind those rows all the same" \
    "$(read_from "$position")" "user.updated u3"

# -- a standby

primary=$cluster
standby=$work/cluster3
test/cluster create "$standby" --no-cron
test/cluster stop "$standby"
rm -rf "$standby/data"
in_cluster pg_basebackup -D "$work/backup" -R -c fast
mv "$work/backup" "$standby/data"
echo "unix_socket_directories = '\"$standby/sock\"'" >>"$standby/data/postgresql.auto.conf"
test/cluster start "$standby"
position=$(latest)
open_session early
tell early 'BEGIN;' "SELECT stream_patch_user('u1', '{\"badge\": 6}');"
value "SELECT stream_patch_user('u3', '{\"badge\": 6}')" >/dev/null
written=$(value 'SELECT pg_current_wal_insert_lsn()')
cluster=$standby
eventually 20 'the standby to catch up' holds "pg_last_wal_replay_lsn() >= '$written'"
same "A standby shows an event no sooner than the primary does" \
    "$(value "SELECT badge FROM (SELECT custom -> 'badge' AS badge FROM stream.users WHERE id = 'u3') AS u") $(read_from "$position")" "6 "
end_session early 'COMMIT;'
shows_them() { [[ -n $(read_from "$position") ]]; }
eventually 20 'the events to come to the standby' shows_them
same "It shows them in the same order" "$(read_from "$position")" "user.updated u1, user.updated u3"
test/cluster stop "$standby"
cluster=$primary

# -- a move to another server

value 'DO $$ BEGIN FOR i IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$'
value "SELECT stream_patch_user('u1', '{\"badge\": 5}')" >/dev/null
position=$(latest)
value "SELECT stream_patch_user('u3', '{\"badge\": 5}')" >/dev/null
in_cluster pg_dump -d "$database" -f "$work/dump.sql"
whole_log >"$work/log"
cluster=$work/cluster2
test/cluster create "$cluster" --no-cron
sql -o "$work/out" -f "$work/dump.sql"
whole_log >"$work/read"
same_file "A dump keeps the log" "$work/read" "$work/log"
same "In a server that has never seen those transactions a follower goes on where it was" \
    "$(read_from "$position")" "user.updated u3"
value "SELECT stream_patch_user('u4', '{\"badge\": 5}')" >/dev/null
same "What happens there comes after it" "$(read_from "$position")" "user.updated u3, user.updated u4"
same "Whoever had missed what was trimmed is told so there too" \
    "$(session -v VERBOSITY=sqlstate -c "SELECT stream_read_events('$first_position')" 2>&1)" "ERROR:  ST016"

# -- a crash after a copy

copy_database copied
database=copied
position=$(latest)
value "SELECT stream_patch_user('u3', '{\"badge\": 8}')" >/dev/null
test/cluster kill "$cluster"
test/cluster start "$cluster"
value "SELECT stream_patch_user('u4', '{\"badge\": 8}')" >/dev/null
same "A database that has just been copied when the server crashes goes on behind what was committed" \
    "$(read_from "$position")" "user.updated u3, user.updated u4"
finish
