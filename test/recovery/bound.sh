#!/bin/bash
# An application's own tables: a dump keeps their bindings, marks and guards, and a worker killed in the
# middle of deep tables, whose claims stream.marks remembers, leaves nothing that the next one does not
# finish. Outside of transaction blocks constraints may be deferrable.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

chmod 777 "$work" # the dumps are written by the cluster's user
test/cluster create "$cluster" --no-cron -c stream_users.response_times=off
in_cluster createdb original
database=original

# Of 40 users, user 1 wrote 100,000 of 102,000 posts. Each tenth post has a comment, each comment a like.
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', i::text)), false) FROM generate_series(1, 40) AS i;
CREATE ROLE app_owner;
SELECT stream_grant('app_owner', 'admin');
CREATE SCHEMA app AUTHORIZATION app_owner;
SET ROLE app_owner;
CREATE TABLE app.accounts (id bigint PRIMARY KEY, name text, invited_by bigint REFERENCES app.accounts DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE app.posts (id bigint PRIMARY KEY, author bigint REFERENCES app.accounts DEFERRABLE INITIALLY DEFERRED, title text, hidden boolean);
CREATE TABLE app.comments (id bigint PRIMARY KEY, post bigint NOT NULL REFERENCES app.posts DEFERRABLE INITIALLY DEFERRED, author bigint,
                           text text, deleted_at timestamptz, deleted_by uuid);
CREATE TABLE app.likes (comment bigint REFERENCES app.comments, member bigint, PRIMARY KEY (comment, member));
CREATE TABLE app.deletions (table_name name, rows bigint, by name DEFAULT current_user);
CREATE FUNCTION app.count_deletions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.deletions SELECT TG_TABLE_NAME, count(*) FROM gone HAVING count(*) > 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_deletions AFTER DELETE ON app.posts REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION app.count_deletions();
INSERT INTO app.accounts SELECT i, 'User ' || i, nullif(i / 2, 0) FROM generate_series(1, 40) AS i;
INSERT INTO app.posts SELECT i, CASE WHEN i <= 100000 THEN 1 ELSE 2 + i % 39 END, 'title', CASE i % 7 WHEN 0 THEN true WHEN 1 THEN false END
FROM generate_series(1, 102000) AS i;
INSERT INTO app.comments SELECT i, i * 10, 1 + i % 40, 'text' FROM generate_series(1, 10200) AS i;
INSERT INTO app.likes SELECT i, 1 + i * 7 % 40 FROM generate_series(1, 10200) AS i;
CREATE INDEX ON app.accounts (invited_by);
CREATE INDEX ON app.posts (author, id);
CREATE INDEX ON app.comments (post);
CREATE INDEX ON app.comments (author);
CREATE INDEX ON app.likes (member);
SELECT stream_bind_table('app.accounts', 'id', 'personal', empty => '{"name": null}', pruning => 'empty');
SELECT stream_bind_table('app.accounts', 'invited_by', 'pointer');
SELECT stream_bind_table('app.posts', 'author', 'author', deleted_column => 'hidden', children => '{"app.comments": "post"}');
SELECT stream_bind_table('app.comments', 'author', 'author', deleted_column => 'deleted_at', task_column => 'deleted_by',
                         children => '{"app.likes": "comment"}');
SELECT stream_bind_table('app.likes', 'member', 'member');
RESET ROLE;
VACUUM (ANALYZE);
SQL

# All rows of the application, but for who deleted them and when.
app_state() {
    sql <<'SQL'
SELECT format('SELECT %L, to_jsonb(t) - %L::text[] FROM %s AS t ORDER BY 2', c.oid::regclass, '{deleted_at,deleted_by}', c.oid::regclass)
FROM pg_class c WHERE relnamespace = 'app'::regnamespace AND relkind = 'r' AND relname <> 'deletions'
UNION ALL SELECT 'SELECT id, deleted_at IS NULL FROM stream.users ORDER BY id'
UNION ALL SELECT 'SELECT relation, key FROM stream.marks ORDER BY 1, 2' ORDER BY 1
\gexec
SQL
}
run_tasks() { value "CALL stream_run_tasks(run_for => '90 seconds', until_idle => true)"; }
delete() { value "SELECT stream_delete_users('$1'${2:+, $2}) ->> 'task_id'"; }

# -- 100,000 rows of one user

app_state >"$work/at_first"
soft=$(delete '{1}')
run_tasks
same "A soft deletion of a user with 100,000 rows in a table completes" "$(task "$soft" status)" completed
marked=$(value "SELECT count(*) FROM app.posts WHERE author = 1 AND hidden AND id % 7 <> 0")
same "It has marked what the application had not hidden itself" "$marked" "$(value "SELECT count(*) FROM stream.marks")"
between "In chunks of their own transactions" \
    "$(value "SELECT count(DISTINCT xmin::text) FROM app.posts WHERE author = 1 AND id % 7 <> 0")" \
    $((marked / 2000)) $((marked / 2000 + 5))
value "SELECT stream_restore_users('{1}')" >/dev/null
run_tasks
value "UPDATE app.posts SET hidden = NULL WHERE NOT hidden AND id % 7 <> 1" # a flag that was null comes back as false
app_state >"$work/restored"
same_file "A restore brings back each of them as it was" "$work/restored" "$work/at_first"

# -- a dump

soft=$(delete '{1,2}')
run_tasks
pending=$(delete '{3}' "'pruning', 'pruning'")
wanted=$(dumped)
app_state >"$work/dumped"
in_cluster pg_dump -d original -Fc -f "$work/dump"
in_cluster createdb restored
database=restored
check "A dump with bound tables is restored without an error" in_cluster pg_restore -d restored -e "$work/dump"
same "With the same bindings, marks and tasks" "$(dumped)" "$wanted"
app_state >"$work/loaded"
same_file "And the same rows of the application" "$work/loaded" "$work/dumped"
same "Bindings name the new database's tables" \
    "$(value "SELECT string_agg(DISTINCT relation::text, ' ') FROM stream.bindings WHERE NOT built_in")" \
    "app.accounts app.comments app.likes app.posts"
refused=$(session -v VERBOSITY=sqlstate -c "INSERT INTO app.posts VALUES (0, 1)" 2>&1 || true)
same "A guard holds there" "$refused" "ERROR:  ST017"
run_tasks
same "A pending task runs there" "$(task "$pending" status)" completed
same "Over bound tables" "$(value "SELECT count(*) FROM app.comments WHERE author = 3 AND deleted_at IS NULL")" 0
value "SELECT stream_restore_users('{1,2}')" >/dev/null
run_tasks
same "What had been marked before the dump comes back" \
    "$(value "SELECT count(*) FROM app.posts WHERE author IN (1, 2) AND hidden AND id % 7 <> 0")" 0
same "And nothing that the application had hidden" \
    "$(value "SELECT count(*) FROM app.posts WHERE author IN (1, 2) AND id % 7 = 0 AND NOT hidden")" 0
value "SELECT stream_unbind_table('app.likes')" >/dev/null
same "Tables can be unbound there" "$(value "SELECT count(*) FROM stream.bindings WHERE relation = 'app.likes'::regclass")" 0

# -- a table that changes while a worker rests between two chunks

# between_chunks USER STATEMENT: the statement is run when the first chunk of the user's deletion is committed.
between_chunks() {
    task=$(delete "{$1}" "NULL, 'soft', NULL, NULL")
    hold_debug_points
    start_worker stream_users.chunk_rows=10 stream_users.debug_point=after_chunk_commit:wait
    eventually 30 'the worker to come to the end of a chunk' waits_for_lock "$task"
    value "$2"
    release
    wait_for_workers
}
wanted=$(value "SELECT jsonb_pretty(stream_delete_users('{5}', NULL, 'soft', NULL, NULL, dry_run => true) -> 'counts')")
between_chunks 5 'ALTER TABLE app.posts RENAME COLUMN author TO writer'
same "A column that is renamed meanwhile fails the task" "$(task "$task" "status, error ->> 'type', error ->> 'description'")" \
    "failed|55000|column author of bound table app.posts does not exist any more"
value 'ALTER TABLE app.posts RENAME COLUMN writer TO author'
value "SELECT stream_retry_task('$task')" >/dev/null
run_tasks
same "With the column back the task completes when it is tried again" "$(task "$task" status)" completed
same "And has counted each row once" "$(counts_of "$task")" "$wanted"
between_chunks 6 'ALTER TABLE app.posts ALTER COLUMN author TYPE text USING author::text, DROP CONSTRAINT posts_author_fkey'
same "With a column of another type that fits the task goes on" "$(task "$task" status)" completed
same "And leaves no row out" "$(value "SELECT count(*) FROM app.posts WHERE author = '6' AND hidden IS NOT TRUE")" 0
between_chunks 7 'ALTER TABLE app.posts RENAME TO writings'
same "So it does with a table of another name" "$(task "$task" status)" completed
same "And leaves no row out there either" "$(value "SELECT count(*) FROM app.writings WHERE author = '7' AND hidden IS NOT TRUE")" 0

# -- a worker that is killed among claimed rows

database=original
run_tasks
copy_database undisturbed killed
database=undisturbed
hard_modes="'hard', 'hard', 'hard'"
foreseen=$(value "SELECT jsonb_pretty(stream_delete_users('{1,4}', $hard_modes, dry_run => true) -> 'counts')")
undisturbed=$(delete '{1,4}' "$hard_modes")
run_tasks
same "A hard deletion over deferrable keys completes" "$(task "$undisturbed" "status, error")" "completed|"
same "It does what the dry run foresaw" "$(counts_of "$undisturbed")" "$foreseen"
same "Nothing holds the ids" \
    "$(value "SELECT (SELECT count(*) FROM app.posts WHERE author IN (1, 4)) + (SELECT count(*) FROM app.comments WHERE author IN (1, 4))
              + (SELECT count(*) FROM app.likes WHERE member IN (1, 4)) + (SELECT count(*) FROM app.accounts WHERE 1 IN (id, invited_by))")" 0
same "The table's trigger counted each row once, as the table's owner" \
    "$(value "SELECT sum(rows), string_agg(DISTINCT by, ' ') FROM app.deletions")" \
    "$(value "SELECT (SELECT count(*) FROM generate_series(1, 102000) AS i WHERE i <= 100000 OR 2 + i % 39 = 4), 'app_owner'")"
between "In chunks" "$(value "SELECT max(rows) FROM app.deletions")" 1 2000
app_state >"$work/wanted"

database=killed
killed=$(delete '{1,4}' "$hard_modes")
hold "SELECT FROM app.comments WHERE post = 60010 FOR KEY SHARE"
start_worker stream_users.chunk_rows=500
eventually 60 'the worker to reach the middle of the task' waits_for_lock "$killed"
between "The worker has claimed the posts, and erased a part of what hangs on them" \
    "$(value "SELECT count(*) FROM stream.marks WHERE relation = 'app.posts'::regclass AND task = '$killed'")" 100000 100100
between "When it is killed many comments are left" "$(value "SELECT count(*) FROM app.comments c JOIN app.posts p ON p.id = c.post WHERE p.author = 1")" 1000 9500
in_cluster kill -KILL "$(task "$killed" worker_pid)"
release
wait_for_workers
eventually 60 'the server to restart' server_answers
run_tasks
same "The next worker completes the task" "$(task "$killed" "status, error, attempts")" "completed||2"
same "Every row is counted once" "$(counts_of "$killed")" "$foreseen"
app_state >"$work/got"
same_file "The end state is that of the undisturbed run, and no claim is left" "$work/got" "$work/wanted"

finish
