#!/bin/bash
# Of a deletion and a hold that meet, the one that commits first wins, whatever the isolation level.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron >/dev/null
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i))) FROM generate_series(1, 20) AS i;
INSERT INTO stream.channels (type, id) SELECT 'dm', i FROM generate_series(1, 19, 2) AS i;
INSERT INTO stream.channel_members (cid, user_id)
SELECT 'dm:' || i, 'u' || u FROM generate_series(1, 19, 2) AS i, LATERAL (VALUES (i), (i + 1)) AS v (u);
INSERT INTO stream.messages (cid, user_id) SELECT cid, user_id FROM stream.channel_members;
SQL

# meets NAME FIRST SECOND STATE LEVEL: SECOND is asked for while FIRST, not committed yet, is in its way;
# once that has committed, SECOND ends with this SQLSTATE, or none.
meets() {
    local name=$1 first=$2 second=$3 state=$4 level=$5
    open_session one
    open_session other
    tell other "BEGIN ISOLATION LEVEL $level;" "SELECT count(*) FROM stream.users;"
    tell one "BEGIN;" "$first;"
    printf '%s\n' "$second;" "COMMIT;" >&"${session_input[other]}"
    eventually 20 "$name to wait" holds "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')"
    tell one "COMMIT;"
    tell other ""
    same "$name ($level)" "$(sed -n 's/^ERROR:  //p; s/.*ERROR:  //p' "$work/other.out" | sort -u)" "$state"
    end_session one
    end_session other
}
delete() { echo "SELECT stream_delete_users('{$1}', ${2:-'hard', 'hard', 'hard', 'hard'})"; }
hold() { echo "SELECT stream_hold_user('$1', 'court')"; }

meets 'a hold that comes before is seen by the deletion' "$(hold u1)" "$(delete u1)" ST017 'READ COMMITTED'
meets 'a hold that comes before is seen by the deletion' "$(hold u1)" "$(delete u1 "NULL, 'pruning', NULL, NULL")" ST017 'REPEATABLE READ'
meets 'and by one of the other member of a conversation' "$(hold u4)" "$(delete u3 "NULL, NULL, 'hard', NULL")" ST017 'READ COMMITTED'
meets 'and by one of the other member of a conversation' "$(hold u4)" "$(delete u3 "NULL, NULL, 'hard', NULL")" ST017 'REPEATABLE READ'
meets 'a deletion that comes before is seen by the hold' "$(delete u5)" "$(hold u5)" ST017 'READ COMMITTED'
meets 'a deletion that comes before is seen by the hold' "$(delete u7 "NULL, 'hard', NULL, NULL")" "$(hold u7)" ST017 'REPEATABLE READ'
meets 'and by a hold of the other member of a conversation' "$(delete u9 "NULL, NULL, 'hard', NULL")" "$(hold u10)" ST017 'READ COMMITTED'
meets 'and by a hold of the other member of a conversation' "$(delete u9 "NULL, NULL, 'hard', NULL")" "$(hold u10)" ST017 'REPEATABLE READ'
meets 'a deletion does not mind the hold of somebody else' "$(hold u14)" "$(delete u11)" '' 'READ COMMITTED'
meets 'nor does a hold mind the deletion of somebody else' "$(delete u15)" "$(hold u18)" '' 'READ COMMITTED'

task=$(value "$(delete u19 "NULL, 'hard', NULL, NULL") ->> 'task_id'")
value "SELECT stream_cancel_task('$task')" >/dev/null
meets 'a hold that comes before is seen by the retry' "$(hold u19)" "SELECT stream_retry_task('$task')" ST017 'READ COMMITTED'
value "SELECT stream_release_user('u19')" >/dev/null
meets 'a retry that comes before is seen by the hold' "SELECT stream_retry_task('$task')" "$(hold u19)" ST017 'READ COMMITTED'

sql -c "CALL stream_run_tasks(until_idle => true)"
same "whoever is held is there with all messages" \
    "$(value "SELECT string_agg(h.user_id, ' ' ORDER BY h.user_id) FROM stream.holds h JOIN stream.users u ON u.id = h.user_id AND u.deleted_at IS NULL
              WHERE EXISTS (SELECT FROM stream.messages m WHERE m.user_id = h.user_id)")" "u1 u14 u18 u4"
same "and no hold was lost" "$(value 'SELECT count(*) FROM stream.holds')" 4
same "whoever was deleted is gone" "$(value "SELECT count(*) FROM unnest('{u5,u11,u15}'::text[]) AS i, stream_verify_erasure(i)")" 0
finish
