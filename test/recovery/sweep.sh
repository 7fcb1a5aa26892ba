#!/bin/bash
# A deletion finds many rows at once and takes them chunk by chunk, by the places they were found in.
# What is in these places when their chunk comes may be another row, of somebody else; and the row
# that was there may be in another place.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off -c autovacuum=off

sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users('[{"id": "ann"}, {"id": "bob"}, {"id": "eve"}]', false);
CREATE EXTENSION amcheck;
CREATE FUNCTION no_op() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
SQL

# Ann's messages m1 to m9 one behind the other, and what else the test says.
write() {
    sql >/dev/null <<SQL
TRUNCATE stream.messages, stream.reactions;
INSERT INTO stream.messages (cid, id, user_id, text) SELECT 'team:1', 'm' || i, 'ann', repeat('x', 700) FROM generate_series(1, 9) AS i;
VACUUM (FREEZE) stream.messages;
${1:-}
SQL
}
mode=hard
delete_messages() { task=$(value "SELECT stream_delete_users('{ann}', NULL, '$mode', NULL, NULL) ->> 'task_id'"); }
left() { value "SELECT string_agg(id || ' ' || user_id, ', ' ORDER BY id) FROM stream.messages WHERE deleted_at IS NULL AND user_id <> 'eve'"; }
counted() { task "$task" "counts #>> '{stream.messages,$mode}'"; }
# Whether each row of messages has its entries in all indexes.
indexes_are_whole() {
    value "SELECT bt_index_check(i.indexrelid, true) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
           WHERE i.indrelid = 'stream.messages'::regclass AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree')" >/dev/null
}

# -- places that go to others

# On two pages of their own behind others that vacuum passes over, so that a vacuum makes room there
# and changes nothing of what is known of the table, else the worker would look for all rows anew:
# among so many pages two don't count, and they hold rows that not everybody sees, then as now. The
# worker waits for a row on the first, which it keeps from vacuum; the room is made on the second.
places_go_to_others() {
    local of_ann="(SELECT count(*) FROM stream.messages WHERE user_id = 'ann' AND deleted_at IS NULL)"
    sql >/dev/null <<'SQL'
TRUNCATE stream.messages, stream.reactions;
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:2', 'f' || lpad(i::text, 4, '0'), 'eve', repeat('x', 700) FROM generate_series(1, 1098) AS i;
VACUUM stream.messages;
SQL
    hold 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1'
    sql >/dev/null <<'SQL'
INSERT INTO stream.messages (cid, id, user_id, text) SELECT 'team:1', 'm' || i, 'ann', repeat('x', 890) FROM generate_series(1, 9) AS i;
VACUUM stream.messages;
SQL
    release
    places=$(value "SELECT array_agg(ctid ORDER BY id) FROM stream.messages WHERE id IN ('m7', 'm8', 'm9')")
    delete_messages
    hold_debug_points
    start_worker stream_users.chunk_rows=1 stream_users.debug_point=inside_chunk:wait:2
    eventually 20 'the worker to be in its second chunk' waits_for_lock "$task"
    same "The first chunk has taken one row ($mode)" "$(value "SELECT $of_ann")" 8
    sql >/dev/null -c "DELETE FROM stream.messages WHERE id IN ('m8', 'm9')" -c "UPDATE stream.messages SET text = 'edited' WHERE id = 'm7'"
    open_session stop
    tell stop "BEGIN; UPDATE stream.messages SET text = 'edited' WHERE id = 'm3';" # where the third chunk waits, after its look
    release
    eventually 20 'the worker to be in its third chunk' holds "5 = $of_ann"
    eventually 20 'the worker to wait again' waits_for_lock "$task"
    known="SELECT relpages, reltuples, relallvisible, relfrozenxid FROM pg_class WHERE oid = 'stream.messages'::regclass"
    before=$(value "$known")
    write_for_bob() {
        value "INSERT INTO stream.messages (cid, id, user_id, text) SELECT 'team:1', 'b' || i, 'bob', repeat('x', 400) FROM generate_series($1, $2) AS i"
    }
    write_for_bob 1 1
    value 'VACUUM (INDEX_CLEANUP ON) stream.messages'
    same 'A vacuum has found nothing new' "$(value "$known")" "$before"
    write_for_bob 2 8
    check 'Rows of another user are now where messages were' \
        holds "count(*) FILTER (WHERE user_id = 'bob') >= 2 AND count(*) FILTER (WHERE user_id = 'ann') = 0 FROM stream.messages WHERE ctid = ANY ('$places')"
    end_session stop 'COMMIT;'
    wait_for_workers
    same 'The task ends' "$(task "$task" status)" completed
    same 'What another user has written there stays, and nothing else' \
        "$(left)" "b1 bob, b2 bob, b3 bob, b4 bob, b5 bob, b6 bob, b7 bob, b8 bob"
    same 'Each row that the task has handled is counted once' "$(counted)" 7
}
for mode in hard soft; do
    places_go_to_others
    sql >/dev/null -c 'CREATE TRIGGER by_statement AFTER UPDATE OR DELETE ON stream.messages FOR EACH STATEMENT EXECUTE FUNCTION no_op()'
    places_go_to_others
    sql >/dev/null -c 'DROP TRIGGER by_statement ON stream.messages'
done

# -- rows with a new version in the page of the one that the index knows

for mode in soft hard; do
    write "UPDATE stream.messages SET text = 'edited' WHERE id IN ('m1', 'm2', 'm8')"
    same 'Some have one already' "$(value "SELECT count(*) FROM stream.messages WHERE text = 'edited' AND pg_relation_size('stream.messages') = 8192")" 3
    delete_messages
    hold_debug_points
    start_worker stream_users.chunk_rows=2 stream_users.debug_point=inside_chunk:wait:2
    eventually 20 'the worker to be in its second chunk' waits_for_lock "$task"
    sql >/dev/null -c "UPDATE stream.messages SET text = 'edited again' WHERE id IN ('m7', 'm8')"
    release
    wait_for_workers
    same 'They go all the same' "$(task "$task" status)|$(left)|$(counted)" 'completed||9'
    [[ $mode == hard ]] || check 'Marked ones had no room on their page' holds "pg_relation_size('stream.messages') > 8192"
    check 'and the indexes know where they are' indexes_are_whole
done

# -- what hangs on the rows, looked up before for all of them

# Many pages of index. In some of them entries come and go while the rows wait for their chunk; rows
# change in ways that no index sees, as long as they have room on their page.
seed=${SEED:-$RANDOM}
note "SEED=$seed"
sql >/dev/null <<SQL
SELECT setseed($seed / 32768.0);
TRUNCATE stream.messages, stream.reactions, stream.flags;
ALTER TABLE stream.reactions SET (fillfactor = 60);
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:' || (random() * 40)::integer, 'm' || i, (ARRAY['ann', 'bob'])[1 + i % 2], 'x' FROM generate_series(1, 12000) AS i;
INSERT INTO stream.reactions (cid, message_id, user_id, type)
SELECT m.cid, m.id, 'bob', 'r' || n FROM stream.messages AS m, generate_series(1, 4) AS n WHERE random() < 0.3;
INSERT INTO stream.reactions (cid, message_id, user_id, type)
SELECT m.cid, m.id, 'bob', 'one of many on more than a page ' || n
FROM (SELECT * FROM stream.messages ORDER BY random() LIMIT 30) AS m, generate_series(1, 300) AS n;
CREATE VIEW on_ann AS SELECT r.* FROM stream.reactions AS r JOIN stream.messages AS m ON m.cid = r.cid AND m.id = r.message_id WHERE m.user_id = 'ann';
CREATE VIEW on_bob AS SELECT count(*) AS n, coalesce(sum(hashtext(r::text)), 0) AS sum
FROM stream.reactions AS r JOIN stream.messages AS m ON m.cid = r.cid AND m.id = r.message_id WHERE m.user_id = 'bob';
SQL
between 'The index of the reactions has many pages, but less than there are messages' \
    "$(value "SELECT pg_relation_size('stream.reactions_pkey') / 8192")" 50 5000
delete_messages
hold_debug_points
start_worker stream_users.chunk_rows=1000 stream_users.debug_point=after_chunk_commit:wait:2
eventually 20 'the worker to have done two chunks' waits_for_lock "$task"
between 'Most of the messages wait for their chunk' "$(value "SELECT count(*) FROM stream.messages WHERE user_id = 'ann'")" 3000 5000
sql >/dev/null <<SQL
SELECT setseed($seed / 32768.0);
UPDATE stream.reactions SET score = 2 WHERE random() < 0.2;
DELETE FROM stream.reactions WHERE random() < 0.02;
UPDATE stream.reactions SET type = 'other ' || type WHERE cid LIKE 'team:1%' AND random() < 0.05;
INSERT INTO stream.reactions (cid, message_id, user_id, type)
SELECT cid, id, 'eve', 'late' FROM stream.messages WHERE cid LIKE 'team:1%' AND random() < 0.1;
SQL
expected=$(value "SELECT (counts #>> '{stream.reactions,hard}')::bigint + (SELECT count(*) FROM on_ann) FROM stream.tasks WHERE id = '$task'")
of_bob=$(value 'TABLE on_bob')
check 'Reactions have come that nobody knew of' holds "count(*) > 50 FROM on_ann WHERE type = 'late'"
release
wait_for_workers
same 'The task ends, and has taken all reactions along that there were' "$(task "$task" "status, counts #>> '{stream.reactions,hard}'")" "completed|$expected"
same 'None is left without its message' \
    "$(value "SELECT count(*) FROM stream.reactions AS r WHERE NOT EXISTS (SELECT FROM stream.messages AS m WHERE m.cid = r.cid AND m.id = r.message_id)")" 0
same 'and those of others are as they were' "$(value 'TABLE on_bob')" "$of_bob"

# -- a chunk that fails

for point in inside_chunk before_chunk_commit; do
    write
    delete_messages
    start_worker stream_users.chunk_rows=2 stream_users.debug_point=$point:error:40001:3
    wait_for_workers
    same "A chunk that fails at $point is done again" "$(task "$task" "status, retries")|$(left)" "completed|0|"
    same 'and counted once' "$(counted)" 9
done

# -- everything in one caller's transaction, with rows that a rolled back savepoint brings back

write
value "BEGIN; SET LOCAL stream_users.chunk_rows = 2;
       SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL); SAVEPOINT before;
       CALL stream_run_tasks(until_idle => true); ROLLBACK TO before;
       CALL stream_run_tasks(until_idle => true); COMMIT" >/dev/null
same 'A deletion in a caller'\''s transaction, done twice' "$(value "SELECT status, counts #>> '{stream.messages,hard}' FROM stream.tasks ORDER BY seq DESC LIMIT 1")|$(left)" "completed|9|"

# -- a table that inherits, whose rows are found by statements

sql >/dev/null -c 'CREATE TABLE archive () INHERITS (stream.messages)'
places_go_to_others
write "INSERT INTO archive (cid, id, user_id) SELECT 'team:1', 'o' || i, (ARRAY['ann', 'bob'])[1 + i % 2] FROM generate_series(1, 9) AS i;"
delete_messages
start_worker stream_users.chunk_rows=2
wait_for_workers
same 'Rows of a table that inherits go as well' "$(task "$task" status) $(left)" "completed o1 bob, o3 bob, o5 bob, o7 bob, o9 bob"
same 'and are counted' "$(counted)" 13

finish
