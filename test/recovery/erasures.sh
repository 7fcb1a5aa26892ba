#!/bin/bash
# An older backup brings erased users back; the ledger, copied from the server that erased them, sends
# them away again: by pg_dump and \copy, into another server.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

chmod 777 "$work" # the dump and the ledger are written by the cluster's user
test/cluster create "$cluster" --no-cron -c stream_users.response_times=off >/dev/null

run() { sql -c "CALL stream_run_tasks(until_idle => true)"; }
# delete IDS ARGUMENTS…: deletes these users and waits for the task.
delete() {
    value "SELECT stream_delete_users('{$1}', $2) ->> 'task_id'" >/dev/null
    run
}
# What the proof finds for each of these ids, a line each.
proof() { value "SELECT i, v.* FROM unnest('{$1}'::text[]) AS i, stream_verify_erasure(i) AS v"; }
# Every row of the product tables that names none but these users, and where it lies.
rows_of() {
    sql -v ids="{$1}" <<'SQL'
SELECT format('SELECT %L, t.ctid, t.xmin, t::text FROM %s t WHERE t.%I = ANY (%L) ORDER BY t::text', relation, relation, name, :'ids')
FROM (SELECT relation, user_column AS name FROM stream.bindings WHERE relation IN ('stream.messages'::regclass, 'stream.reads'::regclass, 'stream.devices'::regclass)
      AND user_column = 'user_id' UNION ALL SELECT 'stream.users', 'id') AS r ORDER BY relation::text
\gexec
SQL
}

sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', id, 'name', initcap(id), 'custom', '{"city": "Rome"}'::jsonb)))
FROM unnest('{gone1,gone2,before,pruned1,pruned2,emptied,soft,anew,stays1,stays2}'::text[]) AS id;
INSERT INTO stream.channels (type, id, created_by_id) VALUES ('team', 'all', 'gone1'), ('dm', '1', 'gone1'), ('dm', '2', 'stays1');
INSERT INTO stream.channel_members (cid, user_id) SELECT 'team:all', id FROM stream.users;
INSERT INTO stream.channel_members (cid, user_id) VALUES ('dm:1', 'gone1'), ('dm:1', 'stays1'), ('dm:2', 'stays1'), ('dm:2', 'stays2');
INSERT INTO stream.messages (cid, id, user_id, text, mentioned_user_ids)
SELECT 'team:all', id || n, id, 'secret of ' || id, CASE WHEN n = 1 AND id = 'stays1' THEN '{gone2,stays1}'::text[] ELSE '{}' END
FROM stream.users, generate_series(1, 300) AS n;
INSERT INTO stream.messages (cid, id, user_id, text) VALUES ('dm:1', 'd1', 'gone1', 'x'), ('dm:1', 'd2', 'stays1', 'x'), ('dm:2', 'd3', 'stays1', 'x');
INSERT INTO stream.reactions (cid, message_id, user_id, type) SELECT 'team:all', 'stays1' || n, 'gone1', 'like' FROM generate_series(1, 50) AS n;
INSERT INTO stream.reads (cid, user_id) SELECT 'team:all', id FROM stream.users;
INSERT INTO stream.devices (user_id, id, push_provider) SELECT id, 'd', 'apn' FROM stream.users;
SQL
# The ledger is not empty when the backup is made.
delete before "$hard"
in_cluster pg_dump -d "$database" -f "$work/backup.sql"

# Life goes on.
delete gone1,gone2,anew "$hard"
delete pruned1 "'pruning', 'pruning'"
delete pruned2 "'pruning', NULL, NULL, NULL"
delete emptied "NULL, 'hard', NULL, NULL"
delete soft "'soft'"
sql >/dev/null <<'SQL'
SELECT stream_upsert_users('[{"id": "anew", "name": "Another"}, {"id": "young", "name": "Young"}]');
INSERT INTO stream.messages (cid, id, user_id, text) VALUES ('team:all', 'n1', 'emptied', 'later'), ('team:all', 'n2', 'anew', 'mine');
SQL
same "nothing holds the ids of the users that were erased" "$(proof gone1,gone2,before)" ""
same "where nothing came back there is nothing to reapply" \
    "$(value "SELECT stream_reapply_erasures() - 'duration'")" '{"held": [], "users": 0, "task_ids": []}'
in_cluster psql -Xq -d "$database" -c "\\copy stream.erasures TO '$work/ledger'"
same "the ledger does not name its users" "$(grep -cwE 'gone1|gone2|before|pruned1|emptied' "$work/ledger" || true)" 0

# A backup from after all that, in this server: its own erasures are not done again.
in_cluster pg_dump -d "$database" -f "$work/fresh.sql"
in_cluster createdb fresh
(
    database=fresh
    sql -o "$work/out" -f "$work/fresh.sql"
    value "SELECT stream_reapply_erasures(dry_run => true) -> 'users'"
) >"$work/fresh"
same "after a restore of a backup from after the erasures nothing is due" "$(<"$work/fresh")" 0

# The old backup, in another server
cluster=$work/cluster2
test/cluster create "$cluster" --no-cron -c stream_users.response_times=off >/dev/null
sql -o "$work/out" -f "$work/backup.sql"
same "an old backup brings them back" "$(value "SELECT count(*) FROM stream.users WHERE id IN ('gone1', 'gone2', 'anew')")" 3
untouched=$(rows_of stays2,soft)
check "the ledger is copied over the older one" in_cluster psql -Xq -v ON_ERROR_STOP=1 -d "$database" \
    -c "\\copy stream.erasures FROM '$work/ledger'"
same "each row once" "$(value "SELECT count(*), count(DISTINCT (task_id, hash)) FROM stream.erasures")" '7|7'
same "the users that are there again are found" \
    "$(value "SELECT stream_reapply_erasures(dry_run => true) - 'duration'")" '{"held": [], "users": 6}'
same "each group of modes makes a task" \
    "$(value "SELECT jsonb_array_length(stream_reapply_erasures() -> 'task_ids')")" 4
# The worker dies on the way.
start_worker stream_users.chunk_rows=1
eventually 20 'a task to be under way' holds "EXISTS (SELECT FROM stream.tasks WHERE done > 0)"
kill -KILL "$(value "SELECT worker_pid FROM stream.tasks WHERE status = 'running'")"
wait_for_workers
eventually 20 'the server to come back' server_answers
run
same "the tasks complete" "$(value "SELECT DISTINCT status FROM stream.tasks")" completed
same "nothing holds the ids of erased users again" "$(proof gone1,gone2,anew,before)" ""
same "the placeholders and the others are all the users there are" \
    "$(value "SELECT string_agg(id, ' ' ORDER BY id) FROM stream.users WHERE id NOT LIKE 'delete-user-%'")" \
    "emptied pruned1 pruned2 soft stays1 stays2"
same "pruned users are pruned again" \
    "$(value "SELECT deleted_mode, name, custom FROM stream.users WHERE id LIKE 'pruned_'")" $'pruning||{}\npruning||{}'
same "their messages are emptied where that was asked for" \
    "$(value "SELECT user_id, count(text) FROM stream.messages WHERE user_id LIKE 'pruned_' GROUP BY 1 ORDER BY 1")" \
    $'pruned1|0\npruned2|300'
same "data erased without its user is gone again" "$(value "SELECT count(*) FROM stream.messages WHERE user_id = 'emptied'")" 0
same "and its user lives" "$(value "SELECT deleted_at IS NULL FROM stream.users WHERE id = 'emptied'")" t
same "users that were soft-deleted or never deleted are untouched, byte for byte" "$(rows_of stays2,soft)" "$untouched"
same "the ledger now has the second erasures too" \
    "$(value "SELECT count(*) FROM stream.erasures e JOIN stream.tasks t ON t.id = e.task_id WHERE t.kind = 'delete_users'")" 7
same "and all of them count as done" "$(value "SELECT stream_reapply_erasures() - 'duration'")" '{"held": [], "users": 0, "task_ids": []}'
finish
