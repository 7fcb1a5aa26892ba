# shellcheck shell=bash
# What the recovery tests share. To be sourced first; leaves the shell in the project's top folder
# with a directory $work of its own, which is removed at the end, and the cluster in it with it.
#
# Every call of psql and every wait has a deadline, so that no test can hang.
set -euo pipefail
cd "${STREAM_USERS_TOP:-$(dirname "${BASH_SOURCE[0]}")/../../..}"

work=$(mktemp -d "${TMPDIR:-/tmp}/recovery.XXXXXX")
chmod 755 "$work"
cluster=$work/cluster
# shellcheck disable=SC2034 # set by the tests, read below
database=postgres

at_end() {
    local clusters=("$work"/cluster*/) one
    for one in "${clusters[@]}"; do
        [[ ! -d $one ]] || test/cluster remove "$one" >/dev/null 2>&1 || true
    done
    rm -rf --one-file-system "$work"
}
trap at_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap '' PIPE

# -- results ------------------------------------------------------------------------------------

tests=0
failed=0

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

# check NAME COMMAND…: passes when the command succeeds.
check() {
    local name=$1 word=ok
    shift
    tests=$((tests + 1))
    "$@" || { word="not ok" failed=1; }
    echo "$word $tests - $name"
}

# same NAME GOT WANTED
same() {
    check "$1" test "$2" = "$3"
    [[ $2 == "$3" ]] || {
        note "got and wanted differ:"
        diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | sed 's/^/#   /' | head -n 20 || true
    }
}

# between NAME VALUE LOWEST HIGHEST, all integers.
between() {
    check "$1" test "${2:--1}" -ge "$3" -a "${2:--1}" -le "$4"
    note "$2, which should be from $3 to $4"
}

# same_file NAME GOT WANTED
same_file() {
    check "$1" cmp --silent "$2" "$3"
    diff "$2" "$3" | sed 's/^/#   /' | head -n 20 || true
}

finish() {
    echo "1..$tests"
    exit "$failed"
}

# Ends the test. What there is to say goes to stderr, where prove shows it.
give_up() {
    echo "Bail out! $*"
    exec >&2
    note "tasks:"
    value 'SELECT kind, status, done, total, step, attempts, worker_pid FROM stream.task_progress ORDER BY created_at' 2>&1 | sed 's/^/#   /'
    note "what workers said:"
    sed 's/^/#   /' "$work/worker.log" 2>/dev/null
    note "last lines of the server's log:"
    tail -n 15 "$cluster/log" 2>/dev/null | sed 's/^/#   /'
    exit 1
}

# -- the server ---------------------------------------------------------------------------------

in_cluster() { test/cluster run "$cluster" "$@"; }

# A program that only connects needs no change of user, which costs more than most calls do.
# shellcheck source=/dev/null
client() { (. "$cluster/env" && exec "$@"); }

# How long a session may take, in seconds; a test that needs longer says so.
deadline=100
# psql in the database $database, ended after its deadline.
session() { client timeout --foreground "$deadline" psql -XqAt -d "$database" "$@"; }
sql() { session -v ON_ERROR_STOP=1 "$@"; }
value() { sql -c "$1"; }

# eventually SECONDS WHAT COMMAND…: waits until the command succeeds; the test ends if it doesn't.
eventually() {
    local seconds=$1 what=$2 end
    shift 2
    end=$((SECONDS + seconds + 1))
    until "$@" 2>/dev/null; do
        ((SECONDS < end)) || give_up "$what: not within $seconds seconds"
        sleep 0.05
    done
}

# holds QUERY: whether the query, an expression, is true.
holds() { [[ $(value "SELECT $1") == t ]]; }

server_answers() { value 'SELECT 1' >/dev/null; }

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# -- sessions that stay open --------------------------------------------------------------------

declare -A session_input session_job

# open_session NAME; what it answers goes to $work/NAME.out.
open_session() {
    local fifo=$work/$1.in input
    mkfifo "$fifo"
    session -v VERBOSITY=sqlstate <"$fifo" >"$work/$1.out" 2>&1 &
    session_job[$1]=$!
    exec {input}>"$fifo"
    session_input[$1]=$input
    rm "$fifo"
}
# tell NAME LINE…: gives it lines to run, and waits until it has.
tell() {
    local name=$1
    shift
    printf '%s\n' "$@" "\\echo done $(milliseconds) $RANDOM" | tee "$work/$name.told" >&"${session_input[$name]}"
    eventually 20 "session $name to answer" grep -qxF "$(tail -n 1 "$work/$name.told" | cut -c 7-)" "$work/$name.out"
}
# end_session NAME [LINE]: after a last line.
end_session() {
    local input=${session_input[$1]}
    { printf '%s\n' "${2:-}" '\q' >&"$input"; } 2>/dev/null || true # it may be gone with its server
    exec {input}>&-
    wait "${session_job[$1]}" || true
}

# -- tasks --------------------------------------------------------------------------------------

# next_task: a new task, $task, marks what the next of the users u1, u2, … has written, $user.
user=0
next_task() {
    user=$((user + 1))
    task=$(value "SELECT stream_delete_users('{u$user}', NULL, 'soft', NULL, NULL) ->> 'task_id'")
}
# ended TASK: waits for its end and says how it ended.
ended() { value "SELECT stream_wait_task('$1', '60 seconds') ->> 'status'"; }

# start_worker [SETTING=VALUE…]: a worker in the background that ends when nothing is due. It waits for
# locks as long as they are held, unless told otherwise.
worker_jobs=()
start_worker() { start_session_worker 'until_idle => true' "$@"; }
# One that stays.
start_waiting_worker() { start_session_worker 'until_idle => false' "$@"; }
start_session_worker() {
    local how=$1 options='-c stream_users.lock_timeout=0' setting
    shift
    for setting; do options+=" -c $setting"; done
    client env PGOPTIONS="$options" timeout --foreground "$deadline" psql -XqAt -d "$database" \
        -v ON_ERROR_STOP=1 -c "CALL stream_run_tasks(run_for => '$((deadline - 10)) seconds', $how)" \
        </dev/null >>"$work/worker.log" 2>&1 &
    worker_jobs+=($!)
}

# What the worker processes said, and their ends.
wait_for_workers() {
    local job
    for job in "${worker_jobs[@]}"; do wait "$job" || true; done
    worker_jobs=()
}

# A field of a task.
task() { value "SELECT $2 FROM stream.tasks WHERE id = '$1'"; }
counts_of() { value "SELECT jsonb_pretty(stream_get_task('$1') #> '{result,counts}')"; }

# hold STATEMENT: keeps a transaction open in which the statement has been run, until release. One
# at a time.
hold() {
    open_session holder
    tell holder 'BEGIN;' "$1;"
}
release() { end_session holder 'ROLLBACK;'; }

# waits_for_lock TASK: whether the task's worker waits for a lock.
waits_for_lock() {
    holds "EXISTS (SELECT FROM stream.tasks t JOIN pg_stat_activity a ON a.pid = t.worker_pid
                   WHERE t.id = '$1' AND t.status = 'running' AND a.wait_event_type = 'Lock')"
}

# hold_debug_points: workers that come to a debug point with the action wait stay there until release.
hold_debug_points() { hold 'SELECT pg_advisory_xact_lock(5355)'; }

# -- data ---------------------------------------------------------------------------------------

# Of 300 users 40 go. They wrote 100,000 of 120,000 messages (bulk u1–u10 most of them), on which
# are 50,000 reactions; they are mentioned, quoted, flagged, own channels, feeds and calls.
load() {
    sql >/dev/null <<'SQL'
CREATE EXTENSION IF NOT EXISTS stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i, 'name', 'User ' || i)), false) FROM generate_series(1, 300) AS i;
INSERT INTO stream.channels (type, id, created_by_id)
SELECT 'team', i, 'u' || 1 + i % 300 FROM generate_series(1, 200) AS i;
INSERT INTO stream.channels (type, id, created_by_id)
SELECT 'messaging', i, 'u' || i FROM generate_series(1, 80) AS i;
INSERT INTO stream.channel_members (cid, user_id)
SELECT DISTINCT 'team:' || c, 'u' || 1 + (c * 7 + m * 13) % 300 FROM generate_series(1, 200) AS c, generate_series(1, 8) AS m;
INSERT INTO stream.channel_members (cid, user_id)
SELECT 'messaging:' || c, u FROM generate_series(1, 80) AS c, LATERAL (VALUES ('u' || c), ('u' || c + 200)) AS v (u);
INSERT INTO stream.reads (cid, user_id) SELECT cid, user_id FROM stream.channel_members;
INSERT INTO stream.messages (cid, id, user_id, text, mentioned_user_ids, parent_id, quoted_message_id, pinned_by_id)
SELECT 'team:' || 1 + i % 200, 'm' || i,
       CASE WHEN i > 100000 THEN 'u' || 41 + i % 260 WHEN i % 5 > 0 THEN 'u' || 1 + i % 10 ELSE 'u' || 1 + i / 5 % 40 END,
       'text ' || i,
       CASE WHEN i % 10 = 0 THEN ARRAY['u' || 1 + i % 60, 'u299', 'u' || 1 + i % 7] ELSE '{}' END,
       CASE WHEN i % 7 = 0 AND i > 200 THEN 'm' || i - 200 END,
       CASE WHEN i % 11 = 0 AND i > 100000 THEN 'm' || i - 100000 + i % 2 * 200 END,
       CASE WHEN i % 50 = 0 THEN 'u' || 1 + i % 80 END
FROM generate_series(1, 120000) AS i;
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'messaging:' || 1 + i % 80, 'd' || i, 'u' || 201 + i % 80, 'direct' FROM generate_series(1, 2000) AS i;
INSERT INTO stream.reactions (cid, message_id, user_id, type)
SELECT 'team:' || 1 + i % 200, 'm' || i, 'u' || 1 + i % 299, 'like' FROM generate_series(1, 100000, 2) AS i;
INSERT INTO stream.flags (id, entity_type, entity_id, user_id)
SELECT 'f' || i, 'message', 'm' || i * 60, 'u' || 1 + i % 300 FROM generate_series(1, 2000) AS i;
INSERT INTO stream.flags (id, entity_type, entity_id, user_id)
SELECT 'g' || i, 'user', 'u' || 1 + i, 'u' || 1 + i * 3 % 300 FROM generate_series(1, 80) AS i;
INSERT INTO stream.feeds (group_id, id, created_by_id) SELECT 'user', i, 'u' || i FROM generate_series(1, 100) AS i;
INSERT INTO stream.activities (id, fid, user_id, text, mentioned_user_ids)
SELECT 'a' || i, 'user:' || 1 + i % 100, 'u' || 1 + i * 3 % 300, 'activity', ARRAY['u' || 1 + i % 90] FROM generate_series(1, 1000) AS i;
INSERT INTO stream.comments (id, activity_id, user_id, text, parent_id)
SELECT 'c' || i, 'a' || 1 + i % 1000, 'u' || 1 + i * 7 % 300, 'comment', CASE WHEN i > 1000 THEN 'c' || i - 1000 END FROM generate_series(1, 3000) AS i;
INSERT INTO stream.feed_reactions (activity_id, comment_id, user_id, type)
SELECT 'a' || 1 + i % 1000, CASE WHEN i % 2 = 0 THEN 'c' || i ELSE '' END, 'u' || 1 + i % 300, 'like' FROM generate_series(1, 3000) AS i;
INSERT INTO stream.follows (source_fid, target_fid) SELECT 'user:' || i, 'user:' || 1 + i % 100 FROM generate_series(1, 100) AS i;
INSERT INTO stream.bookmarks (user_id, activity_id) SELECT 'u' || 1 + i % 300, 'a' || i FROM generate_series(1, 900) AS i;
INSERT INTO stream.calls (type, id, created_by_id) SELECT 'default', i, 'u' || i FROM generate_series(1, 60) AS i;
INSERT INTO stream.call_members (call_cid, user_id)
SELECT 'default:' || c, 'u' || c + m * 100 FROM generate_series(1, 60) AS c, generate_series(0, 2) AS m WHERE m < 2 OR c % 2 = 0;
INSERT INTO stream.call_sessions (id, call_cid) SELECT 's' || c, 'default:' || c FROM generate_series(1, 60) AS c;
INSERT INTO stream.call_participants (session_id, user_id)
SELECT 's' || c, 'u' || c + m * 100 FROM generate_series(1, 60) AS c, generate_series(0, 2) AS m WHERE m < 2 OR c % 2 = 0;
INSERT INTO stream.devices (user_id, id, push_provider) SELECT 'u' || i, 'device', 'apn' FROM generate_series(1, 300, 3) AS i;
INSERT INTO stream.blocks (user_id, blocked_user_id) SELECT 'u' || i, 'u' || i + 20 FROM generate_series(1, 80) AS i;
INSERT INTO stream.user_mutes (user_id, target_id) SELECT 'u' || i, 'u' || i + 30 FROM generate_series(1, 80) AS i;
VACUUM (ANALYZE);
SQL
}

# copy_database NAME…: more databases with what $database holds.
copy_database() {
    local name
    for name; do client createdb --template "$database" "$name"; done
}

ids="ARRAY(SELECT 'u' || i FROM generate_series(1, 40) AS i)"
hard="user_mode => 'hard', messages_mode => 'hard', conversations_mode => 'hard', calls_mode => 'hard'"

# What the dry run foresees; the deletion itself, which answers with the task.
foreseen() { value "SELECT jsonb_pretty(stream_delete_users($ids, $hard, dry_run => true) -> 'counts')"; }
delete_users() { value "SELECT stream_delete_users($ids, $hard) ->> 'task_id'"; }

# All rows of all users and product tables, in order. Two runs over the same data differ only in
# the name of the placeholder owner, in times since the first task was made, and in the tasks' ids,
# which stand here as their place in the queue.
state() {
    sql <<'SQL'
SELECT COALESCE(min(created_at), 'infinity') AS first_task FROM stream.tasks \gset
SELECT format($f$
    SELECT %L || ' ' || regexp_replace((j || COALESCE(times, '{}') || COALESCE(tasks, '{}'))::text,
                                       'delete-user-[0-9a-f]+', 'a placeholder', 'g') COLLATE "C" AS row
    FROM %s t
    CROSS JOIN LATERAL to_jsonb(t) AS j
    CROSS JOIN LATERAL (SELECT jsonb_object_agg(k, 'since the first task') AS times
                        FROM unnest('{created_at,updated_at,deactivated_at,deleted_at}'::text[]) AS k
                        WHERE (j ->> k)::timestamptz >= %L) AS late
    CROSS JOIN LATERAL (SELECT jsonb_object_agg(k, (SELECT 'task ' || seq FROM stream.tasks WHERE id = (j ->> k)::uuid)) AS tasks
                        FROM unnest('{deactivated_by_task,deleted_by_task}'::text[]) AS k
                        WHERE j ->> k IS NOT NULL) AS marks
    ORDER BY row$f$, r.name, r.name, :'first_task')
FROM (SELECT c.oid::regclass::text AS name
      FROM pg_class c
      WHERE c.relnamespace = 'stream'::regnamespace AND c.relkind = 'r'
        AND c.relname NOT IN ('tasks', 'task_users', 'task_files', 'worker_slots', 'function_levels', 'events', 'events_trimmed',
                              'erasures', 'erasures_applied', 'response_time_walk')
        AND c.relname NOT LIKE 'binding%') AS r
ORDER BY r.name COLLATE "C"
\gexec
SQL
}

# Everything in the extension's tables that a dump is to keep, in one line a table.
dumped() {
    sql <<'SQL'
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, %L ORDER BY t::text)) FROM %s t %s', c, '|', c, r.condition)
FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS r (config, condition),
     LATERAL (SELECT r.config::regclass AS c) AS n
JOIN pg_class k ON k.oid = n.c AND k.relkind = 'r'
WHERE e.extname = 'stream_users' ORDER BY c::text \gexec
SQL
}

# How all tasks have ended, with what they counted, and what they have left of their own.
outcomes() {
    sql <<'SQL'
SELECT seq, kind, status, jsonb_pretty(result -> 'counts') FROM stream.tasks ORDER BY seq;
SELECT count(*) || ' users of tasks, ' || (SELECT count(*) FROM stream.task_files) || ' files of tasks' FROM stream.task_users;
SQL
}

# Where the ids of an SQL array are still named in a bound column: a line each, with the rows.
remains() {
    sql -v ids="$1" <<'SQL' || echo "the query failed"
SELECT format('SELECT %L, count(*) FROM %s WHERE %s%s HAVING count(*) > 0',
              b.relation || '.' || b.user_column, b.relation,
              CASE WHEN a.attndims > 0 THEN format('%I && %s', b.user_column, :'ids')
                   ELSE format('%I = ANY (%s)', b.user_column, :'ids') END,
              CASE WHEN b.match_column IS NOT NULL THEN format(' AND %I = %L', b.match_column, b.match_value) END)
FROM (SELECT relation, user_column, match_column, match_value FROM stream.bindings
      UNION ALL SELECT 'stream.users', 'id', NULL, NULL) AS b
JOIN pg_attribute a ON a.attrelid = b.relation AND a.attname = b.user_column
\gexec
SQL
}
