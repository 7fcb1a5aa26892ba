#!/bin/bash
# Four writers that go on while the users they write for are hard-deleted, some in transactions that
# were open before the call: once the task is completed nothing holds the ids. Writers of other users,
# also of rows that the deletion changes, are never held up for longer than one chunk takes.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

# The deletion gets what seven busy writers leave of the machine.
deadline=300

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
load
# When each chunk began; it has let go of its rows when the next one begins.
sql <<'SQL'
CREATE TABLE chunks (began timestamptz PRIMARY KEY);
CREATE FUNCTION note_chunk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.chunks VALUES (now()) ON CONFLICT DO NOTHING; RETURN NULL; END $$;
CREATE TRIGGER note_chunk AFTER UPDATE OF cursor ON stream.tasks FOR EACH ROW EXECUTE FUNCTION note_chunk();
SQL

# start_writer NAME STATEMENT…: a session that runs the statements again and again, {i} being 1, 2 …,
# until stop_writers.
declare -A writers
start_writer() {
    local name=$1
    shift
    {
        i=0
        printf '%s\n' '\timing on'
        until [[ -e $work/$name.stop ]]; do
            i=$((i + 1))
            printf '%s;\n' "${@//\{i\}/$i}" 2>/dev/null || break
        done
    } | session -v VERBOSITY=sqlstate >"$work/$name.out" 2>&1 &
    writers[$name]=$!
}
stop_writers() {
    local name
    for name; do touch "$work/$name.stop"; done
    for name; do wait "${writers[$name]}" || true; done
}
refused() { grep -c '^ERROR:  ST017' "$work/$1.out" || true; }
other_errors() { grep '^ERROR' "$work/$1.out" | grep -v '^ERROR:  ST017' | sort | uniq -c || true; }
slowest() { sed -n 's/^Time: \([0-9]*\)[.].*/\1/p' "$work/$1.out" | sort -n | tail -n 1; }
statements() { grep -c '^Time' "$work/$1.out"; }
written() { value "SELECT count(*) FROM stream.messages WHERE id LIKE '$1-%'"; }

message() { echo "INSERT INTO stream.messages (cid, id, user_id) VALUES ('team:1', '$1', '$2')"; }

# -- before the call

start_writer messages "INSERT INTO stream.messages (cid, id, user_id) VALUES ('team:' || 1 + {i} % 200, 'messages-{i}', 'u' || 1 + {i} % 40)"
start_writer reactions "INSERT INTO stream.reactions (cid, message_id, user_id, type) VALUES ('team:' || 1 + {i} % 200, 'm' || {i} % 200, 'u' || 1 + {i} % 40, 'late-{i}')"
start_writer members "INSERT INTO stream.channel_members (cid, user_id) VALUES ('late:{i}', 'u' || 1 + {i} % 40)" \
    "INSERT INTO stream.reads (cid, user_id) VALUES ('late:{i}', 'u' || 1 + {i} % 40)"
start_writer transactions "BEGIN" \
    "INSERT INTO stream.channels (type, id, created_by_id) VALUES ('late', '{i}', 'u' || 1 + {i} % 40)" \
    "INSERT INTO stream.activities (id, user_id) VALUES ('late-{i}', 'u' || 1 + {i} % 40)" \
    "INSERT INTO stream.comments (activity_id, user_id) VALUES ('late-{i}', 'u' || 1 + {i} % 40)" \
    "COMMIT"
# Others write in the same channels, react to what goes, and mention those who go.
start_writer others "INSERT INTO stream.messages (cid, id, user_id, parent_id) VALUES ('team:' || 1 + {i} % 200, 'others-{i}', 'u' || 41 + {i} % 260, 'm' || {i} % 100000)" \
    "INSERT INTO stream.reactions (cid, message_id, user_id, type) VALUES ('team:' || 1 + {i} % 200, 'm' || {i} % 200, 'u' || 41 + {i} % 260, 'others-{i}')"
start_writer mentions "INSERT INTO stream.messages (cid, id, user_id, mentioned_user_ids, pinned_by_id) VALUES ('team:' || 1 + {i} % 200, 'mentions-{i}', 'u299', ARRAY['u' || 1 + {i} % 40, 'u77'], 'u' || 1 + {i} % 40)"
# And they edit rows that the deletion takes pointers from, or gives to the new owner.
start_writer edits "UPDATE stream.messages SET text = 'edit {i}' WHERE cid = 'team:' || 1 + {i} * 10 % 200 AND id = 'm' || {i} * 10 % 120000" \
    "UPDATE stream.channels SET custom = '{\"edit\": {i}}' WHERE cid = 'team:' || 1 + {i} % 200"

# This one is open the whole time, in another database.
client createdb elsewhere
database=elsewhere open_session elsewhere
tell elsewhere "BEGIN;" "CREATE TABLE elsewhere ();"

open_session early
tell early "BEGIN;" "$(message early-1 u5);" \
    "INSERT INTO stream.reactions (cid, message_id, user_id, type) VALUES ('team:1', 'm1', 'u5', 'early');" \
    "SAVEPOINT s;" "$(message early-2 u40);" \
    "INSERT INTO stream.channel_members (cid, user_id) VALUES ('early:1', 'u5');"
open_session waiting
tell waiting "BEGIN;" "SELECT 1;"
open_session snapshot
tell snapshot "BEGIN ISOLATION LEVEL REPEATABLE READ;" "SELECT count(*) FROM stream.users WHERE deleted_at IS NULL;"
for name in messages others mentions; do
    eventually 20 "writer $name to get going" holds "count(*) > 20 FROM stream.messages WHERE id LIKE '$name-%'"
done

# -- the deletion

task=$(delete_users)
start_worker
at_wait="EXISTS (SELECT FROM stream.task_progress p JOIN stream.tasks t ON t.id = p.task_id
                 WHERE p.task_id = '$task' AND p.step = 'wait for older writers' AND t.cursor -> 'key' <> '[]')"
eventually 200 'the task to come to the older writers' holds "$at_wait"
between "By then what was committed before is gone, but for rows of statements under way at the call" \
    "$(written messages)" 0 10
value 'SELECT pg_sleep(0.5)' >/dev/null
check "The task waits as long as that transaction is open" holds "$at_wait"

tell waiting "$(message waiting-1 u5);" "COMMIT;"
same "A transaction that began before the call and first writes after it is refused with ST017" "$(refused waiting)" 1
tell snapshot "$(message snapshot-1 u5);" "COMMIT;"
same "So is one whose snapshot is older than the call" "$(refused snapshot)" 1
tell early "SAVEPOINT t;" "$(message early-3 u5);" "ROLLBACK TO t;"
same "So is a further row of the one that is waited for" "$(refused early)" 1

# Without the second, which counts the rows to come before it touches one.
longest_chunk=$(value "SELECT round(1000 * extract(epoch FROM max(next - began)))
                       FROM (SELECT began, lead(began) OVER w AS next, row_number() OVER w AS n
                             FROM chunks WINDOW w AS (ORDER BY began)) AS c
                       WHERE n <> 2")
stop_writers mentions edits
between "Others have edited rows all the time" "$(statements edits)" 100 10000000
check "Nobody refuses them that" test -z "$(grep ERROR "$work/edits.out" || true)"

# Nobody but who stops at the last step holds this: so writers run until the very end.
check "Those that write mentions are not refused" test "$(refused mentions)" -eq 0 -a -z "$(other_errors mentions)"
hold "SELECT FROM stream.users WHERE id = 'u40' FOR KEY SHARE"
tell early "COMMIT;"
eventually 200 'the task to come to its last step' waits_for_lock "$task"
same "What the older transaction committed is gone then" "$(written early)" 0
same "One worker has had the task, however often it looked whether the wait was over" "$(task "$task" attempts)" 1
before=$(refused messages)
value 'SELECT pg_sleep(0.5)' >/dev/null
stop_writers messages reactions members transactions others
check "The writers have gone on until the last step" test "$(refused messages)" -gt "$before"
release
same "The task completes" "$(value "SELECT stream_wait_task('$task', '200 seconds') ->> 'status'")" completed
same "No bound column holds the ids" "$(remains "$ids")" ""
wait_for_workers
same "A transaction in another database has held nothing up, and is open yet" \
    "$(value "SELECT count(*) FROM pg_stat_activity WHERE datname = 'elsewhere' AND state = 'idle in transaction' AND backend_xid IS NOT NULL")" 1
end_session elsewhere 'ROLLBACK;'

for name in messages reactions members transactions; do
    between "Writer of $name: its late rows are refused with ST017" "$(refused $name)" 10 10000000
done
same "Nobody gets another error than that, but the rest of a transaction that was refused" \
    "$(for name in messages reactions members transactions others; do other_errors $name; done | grep -v 25P02 || true)" ""
same "Writers of other users are never refused" "$(refused others)" 0
between "They have written all the time" "$(written others)" 100 10000000
# What others insert locks nothing that a chunk does, so it takes the time that the machine takes.
for name in mentions edits; do
    between "Writer of $name: the slowest statement, in milliseconds, took no longer than the longest chunk on this machine" \
        "$(slowest $name)" 0 $((longest_chunk + $(slowest others)))
done
note "The longest chunk took $longest_chunk ms, the slowest insert of others $(slowest others) ms."
same "All their messages are there" "$(written others)" \
    $(($(grep -c '^Time' "$work/others.out") / 2))

# -- a pruned user's late rows, and mentions without end

open_session late
tell late "BEGIN;" "INSERT INTO stream.messages (cid, id, user_id, text) VALUES ('team:1', 'late', 'u50', 'secret');"
task=$(value "SELECT stream_delete_users('{u50}', 'pruning', 'pruning') ->> 'task_id'")
start_worker
at_wait="EXISTS (SELECT FROM stream.task_progress p JOIN stream.tasks t ON t.id = p.task_id
                 WHERE p.task_id = '$task' AND p.step = 'wait for older writers' AND t.cursor -> 'key' <> '[]')"
eventually 200 'the pruning to come to the older writer' holds "$at_wait"
tell late "COMMIT;"
end_session late
same "Pruning waits for a transaction that began before it" \
    "$(value "SELECT stream_wait_task('$task', '200 seconds') ->> 'status'")" completed
same "What that one wrote is emptied and marked too" \
    "$(value "SELECT text IS NULL AND deleted_by_task = '$task' FROM stream.messages WHERE id = 'late'")" t
wait_for_workers

start_writer endless "INSERT INTO stream.messages (cid, id, user_id, mentioned_user_ids) VALUES ('team:1', 'endless-{i}', 'u299', '{u51}')"
eventually 20 'the endless mentions to get going' holds "count(*) > 100 FROM stream.messages WHERE id LIKE 'endless-%'"
task=$(value "SELECT stream_delete_users('{u51}', 'hard', 'hard', 'hard') ->> 'task_id'")
start_worker
same "A hard deletion completes while others go on mentioning its user" \
    "$(value "SELECT stream_wait_task('$task', '200 seconds') ->> 'status'")" completed
stop_writers endless
wait_for_workers

finish
