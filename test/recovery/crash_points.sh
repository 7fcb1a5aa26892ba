#!/bin/bash
# Crashes before and after every commit of the executor: six workers, at a hard, a pruning and a soft
# deletion, a restore, a deactivation and a reactivation, wait side by side at a point of their path when
# one of them is killed by SIGKILL, or the whole server, or the server is stopped at once. Whatever the
# point, other workers go on, and the end is that of a run that nobody disturbed.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

chunk_rows=800

# Six groups a1 … f3 of three users, of which two have something coming; nothing of a group touches
# another, so that their tasks never wait for each other's rows.
load_groups() {
    sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
CREATE TABLE groups AS SELECT chr(96 + n) AS g FROM generate_series(1, 6) AS n;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', g || i, 'name', 'User ' || g || i, 'custom', '{"city": "Rome"}'::jsonb)), false)
FROM groups, generate_series(1, 3) AS i;
INSERT INTO stream.channels (cid, created_by_id)
SELECT kind || ':' || g, g || 1 FROM groups, unnest('{team,dm}'::text[]) AS kind;
INSERT INTO stream.channel_members (cid, user_id)
SELECT 'team:' || g, g || i FROM groups, generate_series(1, 3) AS i UNION ALL SELECT 'dm:' || g, g || i FROM groups, generate_series(1, 3, 2) AS i;
INSERT INTO stream.reads (cid, user_id) SELECT cid, user_id FROM stream.channel_members;
INSERT INTO stream.messages (cid, id, user_id, text, attachments, mentioned_user_ids, parent_id, quoted_message_id, pinned_by_id, deleted_at)
SELECT CASE WHEN i % 5 = 0 THEN 'dm:' ELSE 'team:' END || g, g || i, CASE WHEN i % 7 = 0 THEN g || 3 WHEN i % 3 = 0 THEN g || 2 ELSE g || 1 END, 'text ' || i,
       jsonb_build_array(jsonb_build_object('type', 'image', 'image_url', 'http://files/' || g || i)),
       CASE WHEN i % 4 = 0 THEN ARRAY[g || 1, g || 3] ELSE '{}' END, CASE WHEN i % 6 = 0 THEN g || i - 5 END,
       CASE WHEN i % 11 = 0 THEN g || i - 10 END, CASE WHEN i % 50 = 0 THEN g || 1 + i % 3 END, CASE WHEN i % 13 = 0 THEN timestamptz '2024-01-01' END
FROM groups, generate_series(1, 900) AS i;
INSERT INTO stream.reactions (cid, message_id, user_id, type)
SELECT 'team:' || g, g || i, g || 1 + i % 3, 'like' FROM groups, generate_series(1, 900, 4) AS i WHERE i % 5 > 0;
INSERT INTO stream.flags (id, entity_type, entity_id, user_id)
SELECT 'm' || g || i, 'message', g || i * 9, g || 1 + i % 3 FROM groups, generate_series(1, 60) AS i
UNION ALL SELECT 'u' || g || i, 'user', g || i, g || 3 FROM groups, generate_series(1, 2) AS i;
INSERT INTO stream.feeds (group_id, id, created_by_id) SELECT 'user', g || i, g || i FROM groups, generate_series(1, 3) AS i;
INSERT INTO stream.activities (id, fid, user_id, text, mentioned_user_ids)
SELECT 'a' || g || i, 'user:' || g || 1 + i % 3, g || 1 + i / 3 % 3, 'activity', ARRAY[g || 1] FROM groups, generate_series(1, 60) AS i;
INSERT INTO stream.comments (id, activity_id, user_id, text, parent_id)
SELECT 'c' || g || i, 'a' || g || 1 + i % 60, g || 1 + i % 3, 'comment', CASE WHEN i > 60 THEN 'c' || g || i - 60 END FROM groups, generate_series(1, 120) AS i;
INSERT INTO stream.feed_reactions (activity_id, comment_id, user_id, type)
SELECT 'a' || g || 1 + i % 60, CASE WHEN i % 2 = 0 THEN 'c' || g || i ELSE '' END, g || 1 + i % 3, 'like' FROM groups, generate_series(1, 60) AS i;
INSERT INTO stream.follows (source_fid, target_fid) SELECT 'user:' || g || i, 'user:' || g || 1 + i % 3 FROM groups, generate_series(1, 3) AS i;
INSERT INTO stream.bookmarks (user_id, activity_id) SELECT g || 1 + i % 3, 'a' || g || i FROM groups, generate_series(1, 30) AS i;
INSERT INTO stream.calls (type, id, created_by_id) SELECT kind, g, g || 1 FROM groups, unnest('{pair,trio}'::text[]) AS kind;
INSERT INTO stream.call_members (call_cid, user_id)
SELECT 'trio:' || g, g || i FROM groups, generate_series(1, 3) AS i UNION ALL SELECT 'pair:' || g, g || i FROM groups, generate_series(2, 3) AS i;
INSERT INTO stream.call_sessions (id, call_cid) SELECT cid, cid FROM stream.calls;
INSERT INTO stream.call_participants (session_id, user_id) SELECT call_cid, user_id FROM stream.call_members;
INSERT INTO stream.devices (user_id, id, push_provider) SELECT g || i, 'device', 'apn' FROM groups, generate_series(1, 3) AS i;
INSERT INTO stream.blocks (user_id, blocked_user_id) SELECT g || i, g || 1 + i % 3 FROM groups, generate_series(1, 3) AS i;
INSERT INTO stream.user_mutes (user_id, target_id) SELECT g || i, g || 1 + i % 3 FROM groups, generate_series(1, 3) AS i;
INSERT INTO stream.bans (target_user_id, banned_by_id) SELECT g || i, g || 1 + i % 3 FROM groups, generate_series(1, 3) AS i;
SELECT stream_delete_users('{d1,d2}'), stream_deactivate_users('{f1,f2}', true, true);
CALL stream_run_tasks(until_idle => true);
SELECT stream_delete_users('{a1,a2}', 'hard', 'hard', 'hard', 'hard', new_owner => 'a3', files => true);
SELECT stream_delete_users('{b1,b2}', 'pruning', 'pruning', 'soft', 'soft', files => true);
SELECT stream_delete_users('{c1,c2}');
SELECT stream_restore_users('{d1,d2}');
SELECT stream_deactivate_users('{e1,e2}', true, true);
SELECT stream_reactivate_users('{f1,f2}', true, true);
VACUUM (ANALYZE);
SQL
}

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
load_groups
copy_database undisturbed
database=undisturbed
value "CALL stream_run_tasks(until_idle => true)"
outcomes >"$work/wanted.outcomes"
state >"$work/wanted"
same "An undisturbed run completes all tasks" "$(value "SELECT status, count(*) FROM stream.tasks GROUP BY 1")" "completed|8"
between "None of them is done in one chunk" "$(value 'SELECT min(done) FROM stream.tasks')" $((chunk_rows + 1)) 100000

# -- rounds: workers come to a point, and the crash comes

# How many worker sessions there are, and how many workers wait at a debug point.
sessions() {
    local job n=0
    for job in "${worker_jobs[@]}"; do if kill -0 "$job" 2>/dev/null; then n=$((n + 1)); fi; done
    echo "$n"
}
waiting() { value "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 5355 AND NOT granted"; }
all_wait() { [[ $(sessions) == $(waiting) ]]; }

# crash HOW: afterwards the server is there again.
crash() {
    case $1 in
    worker)
        in_cluster kill -KILL "$(value "SELECT min(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 5355 AND NOT granted")"
        wait_for_workers
        eventually 60 'the server to restart' server_answers
        ;;
    server) test/cluster kill "$cluster" ;;
    immediate) test/cluster stop "$cluster" -m immediate ;;
    esac
    wait_for_workers
    [[ $1 == worker ]] || test/cluster start "$cluster"
}

# crash_at POINT HOW WORKERS: sets $reached to the number of workers that were at the point.
crash_at() {
    local n
    hold_debug_points
    for ((n = 0; n < $3; n++)); do start_worker stream_users.chunk_rows=$chunk_rows "stream_users.debug_point=$1:wait"; done
    eventually 60 "the workers to come to $1, or to an end" all_wait
    reached=$(waiting)
    if ((reached > 0)); then
        crashes=$((crashes + 1))
        crash "$2"
    fi
    release
}

# as_undisturbed NAME: lets what is left be done, and compares.
as_undisturbed() {
    start_worker stream_users.chunk_rows=$chunk_rows
    wait_for_workers
    outcomes >"$work/got.outcomes"
    state >"$work/got"
    same_file "$1: every task completes and counts every row once" "$work/got.outcomes" "$work/wanted.outcomes"
    same_file "$1: every row of every table is as after an undisturbed run" "$work/got" "$work/wanted"
}

copies=()
for how in worker server immediate; do copies+=("chunks_$how" "ends_$how"); done
database=postgres
copy_database "${copies[@]}"

for how in worker server immediate; do
    database=chunks_$how
    crashes=0
    for point in before_claim_commit after_claim_commit inside_chunk before_chunk_commit; do
        crash_at $point $how 6
        same "$how: workers at $point when it happens" "$reached" 6
    done
    same "$how: nothing but the claims is committed until then" \
        "$(value "SELECT sum(attempts), sum(done) FROM stream.tasks WHERE status <> 'completed'")" "18|0"
    # A chunk is lost before its commit, made again, and stays after it, until only last chunks are left.
    rounds=1
    until ((reached == 0)); do
        crash_at after_chunk_commit $how 6
        ((reached == 0)) || crash_at before_chunk_commit $how 6
        rounds=$((rounds + 1))
        ((rounds < 100)) || give_up "the tasks make no progress"
    done
    between "$how: crashes at the commits of chunks" "$crashes" 12 200
    as_undisturbed "$how, around the commits of claims and chunks"

    database=ends_$how
    # The hard and the pruning deletion, first in the queue, would wait for others' open transactions.
    for workers in 1 1 4; do
        for point in before_end_commit after_end_commit; do
            crash_at $point $how $workers
            same "$how: workers at $point when it happens" "$reached" "$workers"
        done
    done
    same "$how: after it all are completed" "$(value "SELECT status, count(*) FROM stream.tasks GROUP BY 1")" "completed|8"
    as_undisturbed "$how, around the commits of ends"
done
same "What workers said is only that the server was gone" \
    "$(grep -E 'ERROR|FATAL' "$work/worker.log" | grep -vE 'terminating connection' || true)" ""

finish
