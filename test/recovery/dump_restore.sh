#!/bin/bash
# pg_dump and restore keep users, products' rows, tasks and roles: also rows of deleted users, which
# nobody may insert any more.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

chmod 777 "$work" # the dumps are written by the cluster's user
test/cluster create "$cluster" --no-cron -c stream_users.response_times=off >/dev/null
for database in original plain custom parallel; do
    in_cluster createdb "$database"
done

database=original
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_create_role('captain');
SELECT stream_upsert_users('[{"id": "ann", "role": "captain"}, {"id": "bob"}, {"id": "cem"}]');
INSERT INTO stream.channels (type, id, created_by_id) VALUES ('m', '1', 'ann');
INSERT INTO stream.channel_members (cid, user_id) VALUES ('m:1', 'ann'), ('m:1', 'bob');
INSERT INTO stream.messages (cid, id, user_id, text) VALUES ('m:1', '1', 'ann', 'x'), ('m:1', '2', 'bob', 'x');
INSERT INTO stream.devices (user_id, id, push_provider) VALUES ('ann', 'd', 'apn');
SELECT stream_ban_user('cem', 'ann'), stream_mute_users('ann', '{cem}'), stream_mute_channels('ann', '{m:1}'),
       stream_block_user('ann', 'cem'), stream_flag('message', '2', 'ann');
SELECT stream_delete_users('{ann}');
CALL stream_run_tasks(until_idle => true);
SELECT stream_deactivate_users('{bob}');
SQL
wanted=$(dumped)
in_cluster pg_dump -d original -f "$work/dump.sql"
in_cluster pg_dump -d original -Fc -f "$work/dump"

same "the original holds the rows of a deleted user" \
    "$(sql -c "SELECT count(*) FROM stream.messages WHERE user_id = 'ann' AND deleted_at IS NOT NULL")" 1
database=plain
check "a plain dump is restored without an error" sql -o "$work/out" -f "$work/dump.sql"
same "with the same rows" "$(dumped)" "$wanted"
sql -c "CALL stream_run_tasks(until_idle => true)"
same "its pending task runs in the restored database" \
    "$(sql -c "SELECT id FROM stream.users WHERE deactivated_at IS NOT NULL")" bob
same "and new tasks get numbers of their own" \
    "$(sql -c "SELECT stream_delete_users('{cem}') ? 'task_id'")" t
database=custom
check "a custom dump is restored without an error" in_cluster pg_restore -d custom -e "$work/dump"
same "with the same rows" "$(dumped)" "$wanted"
database=parallel
check "so it is in parallel with the guard off" in_cluster env PGOPTIONS='-c stream_users.guard_writes=off' \
    pg_restore -d parallel -e -j 2 "$work/dump"
same "with the same rows" "$(dumped)" "$wanted"

# A task that waits for older transactions goes on in a server that has never seen their numbers.
database=original
sql -o "$work/out" <<'SQL'
CALL stream_run_tasks(until_idle => true);
DO $$ BEGIN FOR i IN 1..5000 LOOP BEGIN PERFORM pg_current_xact_id(); EXCEPTION WHEN OTHERS THEN NULL; END; COMMIT; END LOOP; END $$;
SQL
hold "SELECT pg_current_xact_id()"
erasure=$(value "SELECT stream_delete_users('{cem}', 'hard', 'hard', 'hard', 'hard') ->> 'task_id'")
start_worker
eventually 20 'the task to come to the older transaction' holds \
    "cursor -> 'key' <> '[]' AND cursor -> 'key' IS NOT NULL FROM stream.tasks WHERE id = '$erasure'"
in_cluster pg_dump -d original -f "$work/waiting.sql"
release
wait_for_workers
cluster=$work/cluster2
database=postgres
test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
sql -o "$work/out" -f "$work/waiting.sql"
in_cluster timeout --foreground 20 psql -Xq -d postgres -c "CALL stream_run_tasks(run_for => '10 seconds', until_idle => true)"
same "a task dumped while it waited for an older transaction goes on in a new server" \
    "$(task "$erasure" status)" completed
finish
