#!/bin/bash
# SIGKILL of the worker's backend in the middle of a hard delete of 100,000 messages: the server
# restarts, and the task, taken up by another worker, ends with the right counts and the same end
# state as a run that nobody disturbed.
. "${STREAM_USERS_TOP:?}/test/recovery/lib.sh"

test/cluster create "$work/cluster" --no-cron -c fsync=on >/dev/null

# 400 users of whom 50 go; 200,000 messages of which 100,000 are theirs, 50,000 reactions on those.
load() {
    sql <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i)), false) FROM generate_series(1, 400) AS i;
INSERT INTO stream.channels (type, id, created_by_id) SELECT 'team', i::text, 'u' || 1 + i % 400 FROM generate_series(1, 500) AS i;
INSERT INTO stream.channels (type, id, created_by_id) SELECT 'messaging', i::text, 'u' || i FROM generate_series(1, 100) AS i;
INSERT INTO stream.channel_members (cid, user_id) SELECT 'team:' || c, 'u' || 1 + (c * 7 + m * 13) % 400 FROM generate_series(1, 500) AS c, generate_series(1, 8) AS m;
INSERT INTO stream.channel_members (cid, user_id) SELECT 'messaging:' || c, u FROM generate_series(1, 100) AS c, LATERAL (VALUES ('u' || c), ('u' || c + 200)) AS v (u);
INSERT INTO stream.messages (cid, id, user_id, text, mentioned_user_ids, parent_id)
SELECT 'team:' || 1 + i % 500, 'm' || i,
       CASE WHEN i <= 100000 THEN 'u' || 1 + i % 50 ELSE 'u' || 51 + i % 350 END, 'text ' || i,
       CASE WHEN i % 10 = 0 THEN ARRAY['u' || 1 + i % 60, 'u300'] ELSE '{}' END,
       CASE WHEN i % 7 = 0 AND i > 500 THEN 'm' || i - 500 END
FROM generate_series(1, 200000) AS i;
INSERT INTO stream.messages (cid, id, user_id) SELECT 'messaging:' || 1 + i % 100, 'd' || i, 'u' || 201 + i % 100 FROM generate_series(1, 5000) AS i;
INSERT INTO stream.reactions (cid, message_id, user_id, type) SELECT 'team:' || 1 + i % 500, 'm' || i, 'u' || 1 + i % 399, 'like' FROM generate_series(1, 100000, 2) AS i;
UPDATE stream.messages SET created_at = '2026-01-01', updated_at = '2026-01-01';
VACUUM ANALYZE;
SQL
}
ids="(SELECT array_agg('u' || i) FROM generate_series(1, 50) AS i)"
modes="user_mode => 'hard', messages_mode => 'hard', conversations_mode => 'hard', calls_mode => 'hard'"
delete_users() {
    sql -c "SELECT stream_delete_users($ids, $modes) ->> 'task_id'"
}
# What a deletion leaves, without what differs from run to run by nature.
state() {
    sql <<'SQL'
SELECT id FROM stream.users WHERE id NOT LIKE 'delete-user-%' ORDER BY id;
SELECT cid, id, user_id, text, mentioned_user_ids, parent_id, quoted_message_id, deleted_at FROM stream.messages ORDER BY 1, 2;
SELECT cid, message_id, user_id, type FROM stream.reactions ORDER BY 1, 2, 3, 4;
SELECT cid, user_id FROM stream.channel_members ORDER BY 1, 2;
SELECT cid, regexp_replace(created_by_id, '^delete-user-.*', 'a placeholder') FROM stream.channels ORDER BY 1;
SQL
}
counts_of() { sql -c "SELECT jsonb_pretty(stream_get_task('$1') -> 'result' -> 'counts')"; }

for database in undisturbed disturbed; do
    in_cluster createdb "$database"
    load >/dev/null
done

database=undisturbed
task=$(delete_users)
sql -c "CALL stream_run_tasks(run_for => '5 minutes', until_idle => true)"
wanted_counts=$(counts_of "$task")
state >"$work/wanted"

database=disturbed
foreseen=$(sql -c "SELECT jsonb_pretty(stream_delete_users($ids, $modes, dry_run => true) -> 'counts')")
task=$(delete_users)
in_cluster psql -d "$database" -Xq -c "SET stream_users.chunk_rows = 500" \
    -c "CALL stream_run_tasks(run_for => '5 minutes', until_idle => true)" >"$work/worker.log" 2>&1 &
pid=
for ((i = 0; i < 3000; i++)); do
    read -r pid done_rows < <(sql -F ' ' -c "SELECT worker_pid, done FROM stream.tasks WHERE id = '$task' AND status = 'running' AND done > 20000" || true) || true
    [[ -z $pid ]] || break
    sleep 0.02
done
ok "the task is under way when its worker is killed" test -n "$pid"
kill -KILL "$pid"
wait || true
for ((i = 0; i < 600; i++)); do
    if sql -c 'SELECT 1' >/dev/null 2>&1; then break; fi
    sleep 0.1
done
read -r status done_rows < <(sql -F ' ' -c "SELECT status, done FROM stream.tasks WHERE id = '$task'")
ok "after the crash it still counts as running" same "$status" running
ok "with the rows of its committed chunks" test "$done_rows" -gt 20000 -a "$done_rows" -lt 150000
sql -c "CALL stream_run_tasks(run_for => '5 minutes', until_idle => true)"
ok "another worker brings it to completed" same "$(sql -c "SELECT status FROM stream.tasks WHERE id = '$task'")" completed
ok "with the counts of a run that nobody disturbed" same "$(counts_of "$task")" "$wanted_counts"
ok "which are those that the dry run foresaw" same "$(counts_of "$task")" "$foreseen"
state >"$work/got"
ok "and the same end state, row by row" cmp "$work/got" "$work/wanted"
ok "in which 100,000 messages of these users are gone" same \
    "$(sql -c "SELECT count(*) FROM stream.messages WHERE user_id IN (SELECT unnest($ids))")" 0
ok "and nothing else is left to do" same "$(sql -c "SELECT count(*) FROM stream.task_users")" 0
done_testing
