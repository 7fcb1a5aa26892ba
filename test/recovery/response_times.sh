#!/bin/bash
# avg_response_time: what workers that have nothing else to do make of random conversations, held against a
# plain query; killed, cancelled and locked out meanwhile; and what is left of it when users go.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

seed=${STREAM_USERS_SEED:-$RANDOM}
note "STREAM_USERS_SEED=$seed"

test/cluster create "$cluster" --no-cron
# 300 users and one who talks to 130 of them; conversations of up to 40 messages and a few of 300; some are
# groups, some have lost a member, in some others have written too.
sql -v seed="$seed" >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', id)), false)
FROM (SELECT 'u' || i AS id FROM generate_series(1, 300) AS i UNION ALL SELECT 'agent') AS u;
UPDATE stream.users SET updated_at = '2024-01-01';
SELECT setseed(:seed / 32768.0);
CREATE TABLE drawn AS
SELECT 'dm:' || c AS cid, 'u' || 1 + floor(random() * 150) AS a, CASE WHEN c <= 130 THEN 'agent' ELSE 'u' || 151 + floor(random() * 150) END AS b,
       random() < 0.1 AS is_group, random() < 0.1 AS one_left,
       CASE WHEN c % 200 = 7 THEN 300 ELSE floor(random() * 40)::integer END AS messages
FROM generate_series(1, 1000) AS c;
INSERT INTO stream.channels (cid) SELECT cid FROM drawn;
INSERT INTO stream.channel_members (cid, user_id, deleted_at)
SELECT cid, a, NULL::timestamptz FROM drawn
UNION ALL SELECT cid, b, NULL FROM drawn
UNION ALL SELECT cid, 'u300', CASE WHEN one_left THEN now() END FROM drawn WHERE (is_group OR one_left) AND b <> 'u300';
INSERT INTO stream.messages (cid, id, user_id, created_at, deleted_at)
SELECT cid, 'm' || n, CASE WHEN author < 0.45 THEN a WHEN author < 0.9 THEN b WHEN author < 0.97 THEN 'u299' END,
       timestamptz '2024-01-01' + n * interval '1 hour' + random() * interval '2 hours',
       CASE WHEN author < 0.03 THEN now() END
FROM drawn, LATERAL generate_series(1, messages) AS n, LATERAL (SELECT random() AS author WHERE n > 0) AS r;
VACUUM (ANALYZE);

-- What must come out, said in another way: a message is an answer if the other has written since one's
-- own last message, and the first message since then is what has waited.
CREATE TABLE conversations (cid text PRIMARY KEY, members text[], newest timestamptz);
CREATE TABLE said (cid text, user_id text, created_at timestamptz, PRIMARY KEY (cid, created_at));
CREATE FUNCTION wrong() RETURNS TABLE (id text, is integer, should_be integer) LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM conversations;
    DELETE FROM said;
    INSERT INTO conversations
    SELECT m.cid, array_agg(user_id), (SELECT max(created_at) FROM stream.messages s WHERE s.cid = m.cid)
    FROM stream.channel_members m WHERE deleted_at IS NULL
    GROUP BY m.cid HAVING count(*) = 2;
    INSERT INTO said
    SELECT s.cid, s.user_id, s.created_at
    FROM (SELECT m.*, row_number() OVER (PARTITION BY m.cid ORDER BY m.created_at DESC) AS nth FROM stream.messages m) AS s
    JOIN conversations c USING (cid)
    WHERE nth <= 200 AND s.user_id = ANY (c.members);
    RETURN QUERY
    WITH waits AS MATERIALIZED (
        SELECT m.cid, m.user_id, extract(epoch FROM m.created_at - (
                   SELECT min(o.created_at) FROM said o
                   WHERE o.cid = m.cid AND o.user_id <> m.user_id AND o.created_at < m.created_at
                     AND o.created_at > COALESCE((SELECT max(w.created_at) FROM said w
                                                  WHERE w.cid = m.cid AND w.user_id = m.user_id AND w.created_at < m.created_at),
                                                 '-infinity'))) AS waited
        FROM said m),
    totals AS MATERIALIZED (SELECT cid, user_id, sum(waited) AS waited, count(waited) AS answers FROM waits GROUP BY 1, 2),
    of_user AS (
        SELECT u.id, c.cid, row_number() OVER (PARTITION BY u.id ORDER BY c.newest DESC) AS nth
        FROM conversations c JOIN stream.users u ON u.id = ANY (c.members)
        WHERE c.newest IS NOT NULL),
    wanted AS (
        SELECT o.id, round(sum(t.waited) / sum(t.answers))::integer AS seconds
        FROM of_user o LEFT JOIN totals t ON t.cid = o.cid AND t.user_id = o.id AND t.answers > 0
        WHERE o.nth <= 100 GROUP BY o.id)
    SELECT u.id, u.avg_response_time, w.seconds
    FROM stream.users u LEFT JOIN wanted w USING (id)
    WHERE u.deleted_at IS NULL AND u.avg_response_time IS DISTINCT FROM w.seconds;
END
$$;
SQL
run() { value "CALL stream_run_tasks(until_idle => true)"; }
run_without() { in_cluster env PGOPTIONS='-c stream_users.response_times=off' psql -XqAt -c 'CALL stream_run_tasks(until_idle => true)'; }
versions() { value "SELECT md5(string_agg(v, ' ')) FROM (SELECT ctid || ' ' || xmin AS v FROM stream.users UNION ALL SELECT ctid || ' ' || xmin FROM stream.response_times ORDER BY 1) AS all_rows"; }
known() { value "SELECT count(*) FROM stream.response_times WHERE user_id = '$1'"; }
seconds_of() { value "SELECT COALESCE(avg_response_time::text, 'none') FROM stream.users WHERE id = '$1'"; }
# say CHANNEL AUTHOR MINUTES: a message so long after the newest one.
say() {
    value "INSERT INTO stream.messages (cid, user_id, created_at)
           SELECT '$1', '$2', COALESCE(max(created_at), '2024-01-01') + $3 * interval '1 minute' FROM stream.messages WHERE cid = '$1'"
}
# conversation CHANNEL USER USER
conversation() {
    value "INSERT INTO stream.channels (cid) VALUES ('$1')"
    value "INSERT INTO stream.channel_members (cid, user_id) VALUES ('$1', '$2'), ('$1', '$3')"
}

# -- what comes out

run_without >/dev/null
same "Turned off, nothing is worked out" "$(value 'SELECT count(*) FROM stream.response_times')" 0
value "BEGIN; CALL stream_run_tasks(until_idle => true); COMMIT"
value "CREATE TABLE updates AS SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = 'stream.users'::regclass"
value "CREATE VIEW updates_since AS SELECT s.n_tup_upd - u.n_tup_upd AS n_tup_upd, s.n_tup_hot_upd - u.n_tup_hot_upd AS n_tup_hot_upd
       FROM updates u, pg_stat_user_tables s WHERE s.relid = 'stream.users'::regclass"
same "Inside a transaction block neither" "$(value 'SELECT count(*) FROM stream.response_times')" 0
run
same "Every user's average is what a plain query says" "$(value 'SELECT * FROM wrong()')" ""
between "Most users have one" "$(value 'SELECT count(avg_response_time) FROM stream.users')" 150 301
between "The agent has more conversations than the hundred that count" "$(known agent)" 101 130
same "updated_at has not moved" "$(value "SELECT count(*) FROM stream.users WHERE updated_at <> '2024-01-01'")" 0
same "Nobody was told" "$(value "SELECT count(*) FROM stream.events WHERE created_at > (SELECT min(created_at) FROM stream.events)")" 0
between "Of the updates of users so many percent touched no index" "$(value "SELECT 100 * n_tup_hot_upd / n_tup_upd FROM updates_since")" 50 100
same "as no index has anything to do with the column" \
    "$(value "SELECT count(*) FROM pg_index WHERE indrelid = 'stream.users'::regclass AND pg_get_indexdef(indexrelid) ~ 'avg_response_time'")" 0

before=$(versions)
run
same "Where nothing has changed nothing is written" "$(versions)" "$before"

conversation dm:new u1 u2
value "DELETE FROM stream.channel_members WHERE cid <> 'dm:new' AND user_id IN ('u1', 'u2')"
value "DELETE FROM stream.response_times WHERE user_id IN ('u1', 'u2')"
value "UPDATE stream.users SET avg_response_time = NULL WHERE id IN ('u1', 'u2')"
say dm:new u1 0
run
same "A first message is no answer" "$(seconds_of u1) $(seconds_of u2)" "none none"
say dm:new u1 1
say dm:new u2 1
run
same "Who answers a second message has let the first one wait" "$(seconds_of u1) $(seconds_of u2)" "none 120"
say dm:new u2 5
say dm:new u1 1
run
same "So has the other" "$(seconds_of u1) $(seconds_of u2)" "360 120"
say dm:new u2 4
run
same "Averages are over all answers" "$(seconds_of u1) $(seconds_of u2)" "360 180"
value "INSERT INTO stream.channel_members (cid, user_id) VALUES ('dm:new', 'u3')"
say dm:new u3 1
run
same "A conversation that has become a group no longer counts" "$(seconds_of u1) $(seconds_of u2)" "none none"
value "DELETE FROM stream.channel_members WHERE cid = 'dm:new' AND user_id = 'u3'"
run
same "As a conversation again it does" "$(seconds_of u1) $(seconds_of u2)" "360 180"

conversation dm:early u1 later
say dm:early u1 0
say dm:early later 2
run
value "SELECT stream_upsert_users('{\"id\": \"later\"}')" >/dev/null
run
same "A user who comes after the messages gets an average all the same" "$(seconds_of later)" 120

# -- users who go

task=$(value "SELECT stream_delete_users('{u2}') ->> 'task_id'")
run
same "A soft deletion keeps the average" "$(task "$task" status) $(seconds_of u2)" "completed 180"
say dm:new u1 1
run
same "A deleted user's is worked out no more" "$(seconds_of u2) $(known u2)" "180 0"
value "SELECT stream_restore_users('{u2}')" >/dev/null
run
same "Until the user is restored" "$(seconds_of u2) $(known u2)" "180 1"
task=$(value "SELECT stream_delete_users('{u2}', 'pruning', 'pruning', NULL, NULL) ->> 'task_id'")
run
say dm:new u1 1
run
same "Of a pruned user nothing is left, and nothing comes back" "$(task "$task" status) $(seconds_of u2) $(known u2)" "completed none 0"
between "of the other what they answered stays" "$(seconds_of u1)" 1 1000
task=$(value "SELECT stream_delete_users('{u2}', $(printf "'hard', %.0s" 1 2 3)'hard') ->> 'task_id'")
run
same "With a hard-deleted user the conversation's rows go" \
    "$(task "$task" status) $(value "SELECT count(*) FROM stream.response_times WHERE cid = 'dm:new'")$(remains "'{u2}'::text[]")" "completed 0"
same "The others are as they were" "$(value "SELECT count(*) FROM wrong() WHERE id NOT IN ('u1', 'u3')")" 0

# -- workers that are stopped, killed and locked out

forget() { value "UPDATE stream.users SET avg_response_time = NULL; DELETE FROM stream.response_times; UPDATE stream.response_time_walk SET cid = ''" >/dev/null; }
right() { [[ -z $(value "SELECT * FROM wrong()") ]]; }
value "VACUUM (ANALYZE) stream.users, stream.response_times"
forget
hold "SELECT FROM stream.users WHERE id = 'u1' FOR UPDATE"
began=$(milliseconds)
run
between "A worker that is locked out of a user does not wait for that, in milliseconds" $(($(milliseconds) - began)) 0 10000
same "and leaves that user to the next round" "$(seconds_of u1)" none
between "others get their average" "$(value 'SELECT count(avg_response_time) FROM stream.users')" 150 300
release
run
check "The next round sets all of it right" right

for _ in 1 2 3 4 5; do
    forget
    start_worker
    eventually 20 "a worker to be at it" holds "(SELECT cid FROM stream.response_time_walk) <> '' OR EXISTS (SELECT FROM stream.response_times)"
    kill -KILL "$(value "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL stream_run_tasks%' AND pid <> pg_backend_pid() LIMIT 1")" 2>/dev/null || true
    wait_for_workers
    eventually 30 "the server to recover" server_answers
    run
    run # to the end of the round that was begun, and a whole one
    check "A worker killed in a round: the next ones bring it to its end" right
done

forget
start_worker
eventually 20 "a worker to be at it" holds "EXISTS (SELECT FROM stream.response_times)"
value "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL stream_run_tasks%' AND pid <> pg_backend_pid()" >/dev/null
began=$(milliseconds)
wait_for_workers
between "A worker cancelled in a round has ended after so many milliseconds" $(($(milliseconds) - began)) 0 1500
run
run
check "and what it left is worked out later" right

forget
for _ in 1 2 3; do start_worker; done
wait_for_workers
run
check "Three workers at once don't get into each other's way" right

finish
