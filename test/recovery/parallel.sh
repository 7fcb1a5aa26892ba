#!/bin/bash
# Several workers at once: tasks on the same user run one after another in the order they were made, others
# side by side; overlapping deletions of one user end in the strongest. SEED chooses the users.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

seed=${SEED:-$RANDOM}
note "SEED=$seed"
test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i, 'name', 'User ' || i)), false) FROM generate_series(1, 200) AS i;
INSERT INTO stream.channels (type, id) SELECT 'team', i FROM generate_series(1, 10) AS i;
INSERT INTO stream.messages (cid, id, user_id, text, mentioned_user_ids)
SELECT 'team:' || 1 + i % 10, 'm' || i, 'u' || 1 + i % 200, 'text', ARRAY['u' || 1 + i * 7 % 200] FROM generate_series(1, 4000) AS i;
INSERT INTO stream.reactions (cid, message_id, user_id, type)
SELECT 'team:' || 1 + i % 10, 'm' || i, 'u' || 1 + i * 3 % 200, 'like' FROM generate_series(1, 4000) AS i;
INSERT INTO stream.activities (id, user_id, text) SELECT 'a' || i, 'u' || 1 + i % 200, 'text' FROM generate_series(1, 600) AS i;
-- Which users a task was about; the tasks themselves forget it.
CREATE TABLE about (task uuid, user_id text);
SQL
unfinished() { value "SELECT count(*) FROM stream.tasks WHERE status <> 'completed'"; }

# -- side by side

held=$(value "SELECT stream_delete_users('{u1,u2}', NULL, 'soft', NULL, NULL) ->> 'task_id'")
behind=$(value "SELECT stream_delete_users('{u2,u3}', NULL, 'soft', NULL, NULL) ->> 'task_id'")
further=$(value "SELECT stream_delete_users('{u3}', NULL, 'pruning', NULL, NULL) ->> 'task_id'")
free=$(value "SELECT stream_delete_users('{u4}', NULL, 'soft', NULL, NULL) ->> 'task_id'")
hold_debug_points
start_worker stream_users.debug_point=inside_chunk:wait
eventually 20 'a worker to be in the middle of the first task' waits_for_lock "$held"
for _ in 1 2 3; do start_waiting_worker; done
same "Other workers run a task on other users meanwhile" "$(ended "$free")" completed
same "But none that shares a user with it, nor one that shares a user with such a one" \
    "$(value "SELECT string_agg(status || ' ' || step, ', ' ORDER BY created_at) FROM stream.task_progress WHERE task_id IN ('$behind', '$further')")" \
    "pending waiting for task $held, pending waiting for task $behind"
release
same "They follow when it is completed" "$(ended "$behind") $(ended "$further")" "completed completed"
same "in their order" "$(value "SELECT bool_and(ok) FROM (SELECT started_at >= lag(finished_at) OVER (ORDER BY seq) AS ok FROM stream.tasks WHERE id IN ('$held', '$behind', '$further')) AS t")" t

# A task that failed and is retried while a later one on its user runs
early=$(value "SELECT stream_delete_users('{u5}', NULL, 'soft', NULL, NULL) ->> 'task_id'")
value "SELECT stream_wait_task('$early', '20 seconds')" >/dev/null
value "UPDATE stream.tasks SET status = 'failed' WHERE id = '$early'; INSERT INTO stream.task_users SELECT seq, 'u5' FROM stream.tasks WHERE id = '$early'"
value "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 21334" >/dev/null
wait_for_workers
late=$(value "SELECT stream_delete_users('{u5,u6}', NULL, 'pruning', NULL, NULL) ->> 'task_id'")
hold_debug_points
start_worker stream_users.debug_point=inside_chunk:wait
eventually 20 'a worker to be in the middle of the later task' waits_for_lock "$late"
value "SELECT stream_retry_task('$early')" >/dev/null
start_worker
value "SELECT pg_sleep(0.5)" >/dev/null
same "One that is retried while a later one on its user runs waits for that" \
    "$(value "SELECT status, step FROM stream.task_progress WHERE task_id = '$early'")" "pending|waiting for task $late"
release
wait_for_workers
same "Then both are completed" "$(unfinished)" 0

# -- many tasks, four workers

sql -v seed="$seed" >/dev/null <<'SQL'
SELECT setseed((:seed % 1000) / 1000.0);
DO $$
DECLARE
    ids text[];
    task uuid;
BEGIN
    FOR i IN 1..120 LOOP
        ids := ARRAY(SELECT DISTINCT 'u' || 10 + floor(random() * 40)::integer FROM generate_series(1, 1 + floor(random() * 4)::integer) AS n WHERE i > 0);
        task := stream_delete_users(ids, NULL, CASE WHEN i % 3 = 0 THEN 'pruning' ELSE 'soft' END, NULL, NULL) ->> 'task_id';
        INSERT INTO about SELECT task, unnest(ids);
        COMMIT;
    END LOOP;
END
$$;
SQL
for _ in {1..4}; do start_worker stream_users.chunk_rows=10; done
wait_for_workers
same "Of 120 tasks on 40 users, run by four workers, all complete" "$(unfinished)" 0
pairs="FROM about a JOIN stream.tasks t ON t.id = a.task JOIN about b ON b.task <> a.task JOIN stream.tasks u ON u.id = b.task AND u.seq > t.seq"
same "No task on a user began before an earlier one on the same user had ended" \
    "$(value "SELECT count(*) $pairs AND b.user_id = a.user_id WHERE u.started_at < t.finished_at")" 0
between "Many others ran at the same time: pairs" \
    "$(value "SELECT count(*) FROM stream.tasks t JOIN stream.tasks u ON u.seq > t.seq AND u.started_at < t.finished_at AND t.started_at < u.finished_at WHERE t.id IN (SELECT task FROM about) AND u.id IN (SELECT task FROM about)")" 1 100000
same "What several asked for is done as the strongest asked" \
    "$(value "SELECT count(*) FROM stream.messages m WHERE user_id IN (SELECT a.user_id FROM about a JOIN stream.tasks t ON t.id = a.task WHERE t.params ->> 'messages_mode' = 'pruning') AND text <> ''
              OR user_id IN (SELECT user_id FROM about) AND deleted_at IS NULL")" 0

# -- the strongest deletion wins

# Every order of calls that is allowed, for a user each: users u101 and on, five of each order.
sql >/dev/null <<'SQL'
CREATE TABLE orders AS
SELECT row_number() OVER () AS n, modes, (SELECT max(array_position('{soft,pruning,hard}', m)) FROM unnest(modes) AS m) AS strongest
FROM (VALUES ('{soft,pruning,hard}'::text[]), ('{soft,hard}'), ('{pruning,hard}'), ('{soft,pruning}'), ('{hard}'), ('{hard,data}'),
             ('{soft,hard,data}'), ('{data,soft,data,pruning,data,hard,data}'), ('{soft,data,pruning}'), ('{pruning,data}')) AS v (modes);
CREATE TABLE subjects AS
SELECT 'u' || 100 + (n - 1) * 5 + i AS user_id, modes, strongest FROM orders, generate_series(1, 5) AS i;
SQL
for _ in {1..4}; do start_waiting_worker stream_users.chunk_rows=5; done
# Workers are at work while the calls come.
sql >/dev/null <<'SQL'
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT m.mode, array_agg(s.user_id) AS ids FROM subjects s, unnest(s.modes) WITH ORDINALITY AS m (mode, nr)
               GROUP BY m.nr, m.mode, s.modes, ascii(right(s.user_id, 1)) % 2 ORDER BY m.nr LOOP
        IF one.mode = 'data' THEN
            PERFORM stream_delete_users(one.ids, NULL, 'soft', 'soft', NULL);
        ELSIF one.mode = 'hard' THEN
            PERFORM stream_delete_users(one.ids, 'hard', 'hard', 'hard', 'hard');
        ELSE
            PERFORM stream_delete_users(one.ids, one.mode, one.mode, 'soft', 'soft');
        END IF;
        COMMIT;
    END LOOP;
END
$$;
SQL
eventually 90 'all tasks to end' holds "NOT EXISTS (SELECT FROM stream.tasks WHERE status IN ('pending', 'running'))"
same "All of them complete" "$(unfinished)" 0
same "Users end as the strongest deletion of each asked" \
    "$(value "SELECT s.modes, count(*), count(u.id), string_agg(DISTINCT u.deleted_mode, ' '), count(u.name) FROM subjects s LEFT JOIN stream.users u ON u.id = s.user_id GROUP BY 1 ORDER BY 1")" \
    "{data,soft,data,pruning,data,hard,data}|5|0||0
{hard}|5|0||0
{hard,data}|5|0||0
{pruning,data}|5|5|pruning|0
{pruning,hard}|5|0||0
{soft,data,pruning}|5|5|pruning|0
{soft,hard}|5|0||0
{soft,hard,data}|5|0||0
{soft,pruning}|5|5|pruning|0
{soft,pruning,hard}|5|0||0"
same "So do their messages: pruned ones are empty" \
    "$(value "SELECT count(*) FROM stream.messages m JOIN subjects s USING (user_id) WHERE s.strongest = 2 AND (m.deleted_at IS NULL OR m.text <> '')")" 0
same "and nothing holds the ids of those that were erased" "$(remains "ARRAY(SELECT user_id FROM subjects WHERE strongest = 3)")" ""
value "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 21334" >/dev/null
wait_for_workers

# -- long queues

sql >/dev/null <<'SQL'
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'x' || i)), false) FROM generate_series(1, 30000) AS i;
ANALYZE;
DO $$ BEGIN FOR i IN 1..500 LOOP PERFORM stream_delete_users(ARRAY['x' || i], NULL, 'soft', NULL, NULL); END LOOP; END $$;
SQL
large=$(value "SELECT stream_delete_users(ARRAY(SELECT 'x' || i FROM generate_series(501, 30000) AS i), 'soft', NULL, NULL, NULL) ->> 'task_id'")
sql -c "DO \$\$ BEGIN FOR i IN 501..1500 LOOP PERFORM stream_delete_users(ARRAY['x' || i], NULL, 'soft', NULL, NULL); END LOOP; END \$\$" >/dev/null
started=$(milliseconds)
for _ in 1 2; do start_worker; done
wait_for_workers
same "A task on 29,500 users, with 500 tasks before it and a thousand that wait for it, completes like any other" \
    "$(task "$large" status) $(unfinished)" "completed 0"
between "In a long queue what is next is found quickly: milliseconds a task, with its work" \
    $((($(milliseconds) - started) / 1501)) 0 50

# -- chunks that stand in each other's way

# Deletions of users who react to each other's messages, in two directions: workers' chunks lock the same rows.
value "INSERT INTO stream.reactions (cid, message_id, user_id, type) SELECT m.cid, m.id, 'u' || 51 + (n * 7) % 40, 'wow' FROM stream.messages m, LATERAL (SELECT substr(m.id, 2)::integer AS n) AS x WHERE m.user_id IN (SELECT 'u' || i FROM generate_series(51, 90) AS i) ON CONFLICT DO NOTHING"
value "SELECT count(stream_delete_users(ARRAY(SELECT 'u' || i FROM generate_series(51 + k * 10, 60 + k * 10) AS i), 'hard', 'hard', 'hard', 'hard')) FROM generate_series(0, 3) AS k" >/dev/null
for _ in {1..4}; do start_worker stream_users.chunk_rows=1000 stream_users.lock_timeout=2s deadlock_timeout=50ms; done
wait_for_workers
same "Hard deletions side by side of users whose rows hang together complete, whoever gave way to whom" "$(unfinished)" 0
same "with nothing left" "$(remains "ARRAY(SELECT 'u' || i FROM generate_series(51, 90) AS i)")" ""
note "deadlocks met: $(value "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")"

finish
