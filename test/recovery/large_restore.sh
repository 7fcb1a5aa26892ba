#!/bin/bash
# Restore at size: ann has 200,000 rows in 17 tables, of kinds that are marked and of kinds that are not, some
# of them deleted by the application before, among the rows of others. Whatever was deleted or
# deactivated, in whatever order, and if the worker is killed meanwhile: restoring gives back the same rows.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', id, 'name', id, 'custom', '{"city": "Rome"}'::jsonb)), false)
FROM (SELECT 'ann' AS id UNION ALL SELECT 'o' || i FROM generate_series(1, 500) AS i) AS u;
-- ann writes in 500 teams and in 1,500 conversations, one in fifteen of them deleted before; o1 and o2 have one of their own.
INSERT INTO stream.channels (cid, created_by_id, deleted_at)
SELECT 'team:' || i, 'o' || 1 + i % 500, NULL FROM generate_series(1, 500) AS i
UNION ALL SELECT 'dm:' || i, 'o' || 1 + i % 500, CASE WHEN i % 15 = 0 THEN timestamptz '2024-01-01' END FROM generate_series(1, 1500) AS i
UNION ALL SELECT 'dm:apart', 'o1', NULL;
INSERT INTO stream.channel_members (cid, user_id)
SELECT 'team:' || i, u FROM generate_series(1, 500) AS i, LATERAL (VALUES ('ann'), ('o' || 1 + i % 500), ('o' || 1 + (i + 7) % 500)) AS m (u)
UNION ALL SELECT 'dm:' || i, u FROM generate_series(1, 1500) AS i, LATERAL (VALUES ('ann'), ('o' || 1 + i % 500)) AS m (u)
UNION ALL SELECT 'dm:apart', u FROM unnest('{o1,o2}'::text[]) AS m (u);
INSERT INTO stream.reads (cid, user_id) SELECT cid, user_id FROM stream.channel_members;
INSERT INTO stream.messages (cid, id, user_id, text, mentioned_user_ids, parent_id, deleted_at)
SELECT CASE WHEN i % 3 = 0 THEN 'team:' || 1 + i % 500 ELSE 'dm:' || 1 + i % 1500 END, 'm' || i, CASE WHEN i <= 110000 THEN 'ann' ELSE 'o' || 1 + i % 500 END,
       'text ' || i, CASE WHEN i % 50 = 0 THEN '{ann,o7}'::text[] ELSE '{}' END, CASE WHEN i > 1500 AND i % 9 = 0 THEN 'm' || i - 1500 END,
       CASE WHEN i % 10 = 0 THEN timestamptz '2024-01-01' + i * interval '1 second' END
FROM generate_series(1, 140000) AS i;
INSERT INTO stream.reactions (cid, message_id, user_id, type)
SELECT cid, id, CASE WHEN right(id, 1) < '8' THEN 'ann' ELSE 'o3' END, 'like' FROM stream.messages WHERE length(id) = 6 AND id < 'm3';
INSERT INTO stream.flags (id, entity_type, entity_id, user_id)
SELECT 'f' || i, 'message', 'm' || i, CASE WHEN i % 2 = 0 THEN 'ann' ELSE 'o5' END FROM generate_series(1, 4000) AS i;
INSERT INTO stream.feeds (group_id, id, created_by_id, deleted_at)
SELECT 'user', i, CASE WHEN i <= 1000 THEN 'ann' ELSE 'o9' END, CASE WHEN i % 10 = 0 THEN timestamptz '2024-01-01' END FROM generate_series(1, 1200) AS i;
INSERT INTO stream.follows (source_fid, target_fid) SELECT 'user:' || i, 'user:' || 1 + i % 1200 FROM generate_series(1, 1200) AS i;
INSERT INTO stream.activities (id, fid, user_id, text, deleted_at)
SELECT 'a' || i, 'user:' || 1 + i % 1200, CASE WHEN i <= 20000 THEN 'ann' ELSE 'o' || 1 + i % 500 END, 'activity', CASE WHEN i % 10 = 0 THEN timestamptz '2024-01-01' END
FROM generate_series(1, 24000) AS i;
INSERT INTO stream.comments (id, activity_id, user_id, text, parent_id, deleted_at)
SELECT 'c' || i, 'a' || 1 + i % 24000, CASE WHEN i <= 20000 THEN 'ann' ELSE 'o' || 1 + i % 500 END, 'comment', CASE WHEN i > 100 AND i % 3 = 0 THEN 'c' || i - 100 END,
       CASE WHEN i % 10 = 0 THEN timestamptz '2024-01-01' END
FROM generate_series(1, 24000) AS i;
INSERT INTO stream.feed_reactions (activity_id, user_id, type)
SELECT 'a' || i, CASE WHEN i <= 10000 THEN 'ann' ELSE 'o11' END, 'like' FROM generate_series(1, 12000) AS i;
INSERT INTO stream.bookmarks (user_id, activity_id) SELECT CASE WHEN i % 2 = 0 THEN 'ann' ELSE 'o13' END, 'a' || i FROM generate_series(1, 12000) AS i;
INSERT INTO stream.calls (type, id, created_by_id, deleted_at)
SELECT 'default', i, 'o' || 1 + i % 500, CASE WHEN i % 10 = 0 THEN timestamptz '2024-01-01' END FROM generate_series(1, 2000) AS i;
INSERT INTO stream.call_members (call_cid, user_id)
SELECT 'default:' || i, u FROM generate_series(1, 2000) AS i, LATERAL (VALUES ('ann'), ('o' || 1 + i % 500)) AS m (u)
UNION ALL SELECT 'default:' || i, 'o' || 1 + (i + 7) % 500 FROM generate_series(1, 2000, 4) AS i;
INSERT INTO stream.call_sessions (id, call_cid, deleted_at)
SELECT 's' || i, 'default:' || 1 + i % 2000, CASE WHEN i % 10 = 0 THEN timestamptz '2024-01-01' END FROM generate_series(1, 4000) AS i;
INSERT INTO stream.call_participants (session_id, user_id) SELECT 's' || i, 'ann' FROM generate_series(1, 4000) AS i;
INSERT INTO stream.devices (user_id, id, push_provider) SELECT 'ann', 'd' || i, 'apn' FROM generate_series(1, 100) AS i;
INSERT INTO stream.blocks (user_id, blocked_user_id) SELECT 'ann', 'o' || i FROM generate_series(1, 400) AS i;
INSERT INTO stream.user_mutes (user_id, target_id) SELECT 'ann', 'o' || i FROM generate_series(1, 400) AS i;
VACUUM (ANALYZE);
SQL

# What ann has, by table: rows she wrote, owns or is in, her conversations and pair calls with what is in them.
sql >"$work/of_ann" <<'SQL'
SELECT format('SELECT %L, count(*) FROM %s WHERE %I = ''ann''', relation, relation, user_column)
FROM stream.bindings b JOIN pg_attribute a ON a.attrelid = b.relation AND a.attname = b.user_column
WHERE kind <> 'pointer' AND match_column IS NULL AND attndims = 0
UNION ALL VALUES ($$SELECT 'stream.channels', count(*) FROM stream.channels WHERE cid LIKE 'dm:%' AND cid <> 'dm:apart'$$),
                 ($$SELECT 'stream.call_sessions', count(*) FROM stream.call_sessions$$)
\gexec
SQL
between "ann has so many rows" "$(awk -F'|' '{ n += $2 } END { print n }' "$work/of_ann")" 200000 250000
between "They are in so many tables" "$(awk -F'|' '$2 > 0 { print $1 }' "$work/of_ann" | sort -u | wc -l)" 12 30

# A line a table: its rows, and the md5 of them all without updated_at.
rows() {
    sql <<'SQL'
SELECT format('SELECT %L, count(*), md5(string_agg(h, NULL ORDER BY h)) FROM (SELECT md5(row(%s)::text) COLLATE "C" AS h FROM %s) AS r',
              relation, (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                         WHERE attrelid = relation AND attnum > 0 AND attname <> 'updated_at'), relation)
FROM (SELECT relation FROM stream.bindings UNION SELECT 'stream.users' UNION SELECT child FROM stream.binding_children) AS r
ORDER BY relation::text COLLATE "C"
\gexec
SQL
}
work() { value "CALL stream_run_tasks(run_for => '90 seconds', until_idle => true)"; }
call() { value "SELECT $1" >/dev/null; }
unfinished() { value "SELECT count(*) FROM stream.tasks WHERE status <> 'completed'"; }
# same_rows NAME WANTED: also that no task has failed.
same_rows() {
    rows >"$work/now"
    same_file "$1" "$work/now" "$2"
    same "All tasks have completed" "$(unfinished)" 0
}
counted() { value "SELECT result -> 'counts' FROM stream.tasks ORDER BY seq DESC LIMIT 1"; }
rows >"$work/before"

# What a soft deletion marks: what was there and not deleted, in conversations and pair calls too.
marked='{"stream.calls": {"soft": 1300}, "stream.feeds": {"soft": 900}, "stream.users": {"soft": 1}, "stream.channels": {"soft": 1400}, "stream.comments": {"soft": 18000}, "stream.messages": {"soft": 99000}, "stream.activities": {"soft": 18000}, "stream.call_sessions": {"soft": 2400}}'

# -- soft deletion

call "stream_delete_users('{ann}')"
work
same "A soft deletion counts what it marks" "$(counted)" "$marked"
call "stream_restore_users('{ann}')"
work
same "The restore counts as many" "$(counted)" "$(sed 's/"stream.users": {"soft": 1}, //; s/soft/restored/g' <<<"$marked")"
same_rows "Deleted softly and restored: the same rows" "$work/before"

# -- with kills in the middle of both

# killed_at N: a worker that is killed in its Nth batch.
killed_at() {
    start_worker "stream_users.debug_point=inside_chunk:kill:$1"
    wait_for_workers
    eventually 60 'the server to restart' server_answers
}
call "stream_delete_users('{ann}')"
killed_at 20
killed_at 15
work
same "A soft deletion that was killed twice counts the same" "$(counted)" "$marked"
call "stream_restore_users('{ann}')"
for n in 5 20 15; do
    killed_at "$n"
    same "The restore is not done when it is killed" "$(unfinished)" 1
done
work
same_rows "Deleted and restored with kills in between: the same rows" "$work/before"

# -- deactivation

call "stream_deactivate_users('{ann}', mark_messages_deleted => true, mark_channels_deleted => true)"
work
call "stream_reactivate_users('{ann}', restore_messages => true, restore_channels => true)"
work
same_rows "Deactivated with marks and reactivated, by tasks: the same rows" "$work/before"
call "stream_deactivate_user('ann', mark_messages_deleted => true)"
same "Deactivated at once, she has not one message left that is not deleted" \
    "$(value "SELECT count(*) FROM stream.messages WHERE user_id = 'ann' AND deleted_at IS NULL")" 0
call "stream_reactivate_user('ann', restore_messages => true)"
same_rows "Reactivated at once: the same rows" "$work/before"

# -- one upon the other

call "stream_deactivate_users('{ann}', mark_messages_deleted => true)"
work
rows >"$work/deactivated"
call "stream_delete_users('{ann}')"
call "stream_delete_users('{o1}')"
work
call "stream_restore_users('{ann}')"
call "stream_restore_users('{o1}')"
work
same_rows "Deleted while deactivated, and restored: what the deactivation marked stays marked" "$work/deactivated"
call "stream_reactivate_users('{ann}', restore_messages => true)"
work
same_rows "Then reactivated: the same rows" "$work/before"

call "stream_delete_users('{o1}')"
call "stream_delete_users('{ann}')"
call "stream_restore_users('{o1}')"
work
same "Of two members the first deletion marks a conversation, and its restore lifts the mark" \
    "$(value "SELECT count(*) FROM stream.channels c JOIN stream.channel_members m USING (cid) WHERE m.user_id = 'o1' AND cid LIKE 'dm:%' AND c.deleted_at IS NULL")" 3
call "stream_restore_users('{ann}')"
work
same_rows "Both restored: the same rows" "$work/before"

call "stream_delete_users('{ann}', NULL)"
work
value "INSERT INTO stream.messages (cid, id, user_id, text) SELECT 'team:1', 'later' || i, 'ann', 'later' FROM generate_series(1, 5000) AS i"
rows >"$work/data_deleted"
call "stream_delete_users('{ann}')"
work
same "After a deletion of data alone that of the user marks what came since, and the feeds" \
    "$(counted)" '{"stream.feeds": {"soft": 900}, "stream.users": {"soft": 1}, "stream.messages": {"soft": 5000}}'
call "stream_restore_users('{ann}')"
work
same_rows "Restoring the user brings back that, and what was deleted as data stays deleted" "$work/data_deleted"

finish
