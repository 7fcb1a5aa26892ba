-- A session keeps what it knows of bindings: whatever changes meanwhile, the next call goes by what is there.
-- Each look is a call in the session that has just made one.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

CREATE ROLE app_owner;
CREATE ROLE app_heir;
CREATE SCHEMA app;
GRANT ALL ON SCHEMA app TO app_owner, app_heir;
SELECT stream_upsert_users('[{"id": "ann"}, {"id": "ben"}, {"id": "cat"}, {"id": "dan"}, {"id": "eve"}, {"id": "fay"}]', false) \g /dev/null
CREATE TYPE app.size AS ENUM ('small', 'large');
CREATE TABLE app.notes (id bigint, code text NOT NULL, author text, size app.size, PRIMARY KEY (id));
CREATE TABLE app.remarks (note bigint, author text, PRIMARY KEY (note, author));
CREATE INDEX ON app.notes (author);
CREATE INDEX ON app.remarks (author);
ALTER TABLE app.notes OWNER TO app_owner;
ALTER TABLE app.remarks OWNER TO app_owner;
INSERT INTO app.notes SELECT i, 'n' || i, CASE WHEN i < 4 THEN 'ann' ELSE 'ben' END, 'large' FROM generate_series(1, 6) AS i;
INSERT INTO app.remarks VALUES (1, 'ann'), (4, 'ann'), (4, 'ben');

-- The application's tables that a deletion of ann would change, or why it would not.
CREATE FUNCTION pg_temp.look() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN COALESCE((SELECT string_agg(key || ' ' || value, ', ' ORDER BY key)
                     FROM jsonb_each_text(stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', dry_run => true) -> 'counts')
                     WHERE key !~ '^stream\.'), 'none');
EXCEPTION WHEN OTHERS THEN
    RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END
$$;

SELECT is(pg_temp.look(), 'none', 'what is not bound is not touched');

SAVEPOINT s;
SELECT stream_bind_table('app.notes', 'author', 'author') \g /dev/null
SELECT is(pg_temp.look(), 'app.notes {"hard": 3}', 'a table that was just bound is');
ROLLBACK TO s;
SELECT is(pg_temp.look(), 'none', 'one whose binding was rolled back is not');

SELECT stream_bind_table('app.notes', 'author', 'author', empty => '{"size": "small"}', pruning => 'empty') \g /dev/null
SELECT is(pg_temp.look(), 'app.notes {"hard": 3}', 'nor does a rolled back binding stand in the way of a new one');
SAVEPOINT s;
SELECT stream_unbind_table('app.notes') \g /dev/null
SELECT is(pg_temp.look(), 'none', 'a table that was unbound is none of the deletion''s');
ROLLBACK TO s;
SELECT is(pg_temp.look(), 'app.notes {"hard": 3}', 'and is again once that is rolled back');
SELECT stream_bind_table('app.remarks', 'author', 'member') \g /dev/null
SELECT is(pg_temp.look(), 'app.notes {"hard": 3}, app.remarks {"hard": 2}', 'a second table joins the first');

-- Names
SAVEPOINT s;
ALTER TABLE app.notes RENAME TO "Notes";
SELECT is(pg_temp.look(), 'app."Notes" {"hard": 3}, app.remarks {"hard": 2}', 'a renamed table is found by its new name');
ALTER SCHEMA app RENAME TO ground;
SELECT is(pg_temp.look(), 'ground."Notes" {"hard": 3}, ground.remarks {"hard": 2}', 'and in a renamed schema');
CREATE SCHEMA other;
ALTER TABLE ground."Notes" SET SCHEMA other;
SELECT is(pg_temp.look(), 'ground.remarks {"hard": 2}, other."Notes" {"hard": 3}', 'and in another schema');
ROLLBACK TO s;
SELECT is(pg_temp.look(), 'app.notes {"hard": 3}, app.remarks {"hard": 2}', 'and by the old name when all that is rolled back');

-- Columns
SAVEPOINT s;
ALTER TABLE app.notes RENAME author TO writer;
SELECT is(pg_temp.look(), '55000 column author of bound table app.notes does not exist any more', 'a column that lost its name is missed');
SELECT is(pg_temp.look(), '55000 column author of bound table app.notes does not exist any more', 'by the call after that too');
ALTER TABLE app.notes RENAME writer TO author;
SELECT is(pg_temp.look(), 'app.notes {"hard": 3}, app.remarks {"hard": 2}', 'until it has the name again');
ALTER TABLE app.notes DROP size;
SELECT is(pg_temp.look(), '55000 column size of bound table app.notes does not exist any more', 'so is one that was dropped');
ROLLBACK TO s;
SAVEPOINT s;
ALTER TABLE app.notes ALTER author TYPE integer USING 1;
SELECT is(pg_temp.look(), 'app.remarks {"hard": 2}', 'a column of another type holds other ids');
ALTER TABLE app.notes ALTER author TYPE boolean USING true;
SELECT is(pg_temp.look(), '55000 column author of bound table app.notes has a type that can''t hold users'' ids', 'or none');
ROLLBACK TO s;
SAVEPOINT s;
ALTER TABLE app.notes DROP CONSTRAINT notes_pkey;
SELECT is(pg_temp.look(), '55000 bound table app.notes has no primary key', 'a primary key that is gone is missed');
ALTER TABLE app.notes ADD PRIMARY KEY (code);
SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', new_owner => 'eve') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT string_agg(code, ' ' ORDER BY code) FROM app.notes), 'n4 n5 n6', 'and rows are found by the new one');
ROLLBACK TO s;

-- Types and foreign keys
SAVEPOINT s;
SELECT pg_temp.look() \g /dev/null
ALTER TYPE app.size RENAME TO extent;
SELECT stream_delete_users('{ann}', 'pruning', 'pruning') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT string_agg(DISTINCT size::text, ' ') FROM app.notes WHERE author = 'ann'), 'small', 'a renamed type is known by its new name');
ROLLBACK TO s;
SAVEPOINT s;
SELECT stream_delete_users('{cat}', 'hard', 'hard', 'hard', 'hard', new_owner => 'eve') ->> 'task_id' AS before \gset
CALL stream_run_tasks(until_idle => true);
CREATE FUNCTION pg_temp.notes_go_last(task text) RETURNS boolean LANGUAGE sql AS $$
    SELECT array_position(steps, 'erase app.notes by author') > array_position(steps, 'erase app.remarks by author')
    FROM stream.tasks WHERE id = task::uuid
$$;
SELECT ok(NOT pg_temp.notes_go_last(:'before'), 'tables that refer to none go in the order of their names');
ALTER TABLE app.remarks ADD FOREIGN KEY (note) REFERENCES app.notes;
SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', new_owner => 'eve') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT ok(pg_temp.notes_go_last(:'task'), 'what a new foreign key refers to goes last');
SELECT is((SELECT status FROM stream.tasks WHERE id = :'task'), 'completed', 'and goes');
ROLLBACK TO s;

-- The bindings' own rows, however they are written
SAVEPOINT s;
SET LOCAL session_replication_role = replica;
UPDATE stream.bindings SET on_hard = 'keep' WHERE relation = 'app.notes'::regclass;
SELECT is(pg_temp.look(), 'app.notes {"cleared": 3}, app.remarks {"hard": 2}', 'a binding that is changed in replication counts at once');
ROLLBACK TO s;
SAVEPOINT s;
TRUNCATE stream.binding_children, stream.bindings;
SELECT is(pg_temp.look(), 'none', 'so do bindings that are all removed');
ROLLBACK TO s;
SELECT is(pg_temp.look(), 'app.notes {"hard": 3}, app.remarks {"hard": 2}', 'and all are back with the rollback');

-- Owners: their triggers run as they are, under the search_path they have set
CREATE TABLE app.seen (owner name DEFAULT current_user, path text DEFAULT current_setting('search_path'));
GRANT INSERT ON app.seen TO app_owner, app_heir;
CREATE FUNCTION app.note_owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.seen DEFAULT VALUES; RETURN NULL; END $$;
CREATE TRIGGER seen AFTER DELETE ON app.remarks FOR EACH STATEMENT EXECUTE FUNCTION app.note_owner();
INSERT INTO app.remarks VALUES (7, 'cat'), (7, 'dan'), (7, 'eve');
CREATE FUNCTION pg_temp.seen() RETURNS text LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM app.seen RETURNING *) SELECT string_agg(DISTINCT owner || ' ' || path, ', ') FROM gone
$$;
SELECT stream_delete_users('{cat}', 'hard', 'hard', 'hard', 'hard', new_owner => 'fay') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.seen(), 'app_owner "$user", public', 'a trigger runs as the table''s owner');
ALTER ROLE app_owner SET search_path = app;
SELECT stream_delete_users('{dan}', 'hard', 'hard', 'hard', 'hard', new_owner => 'fay') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.seen(), 'app_owner app', 'under the search_path that the owner has set meanwhile');
ALTER TABLE app.remarks OWNER TO app_heir;
SELECT stream_delete_users('{eve}', 'hard', 'hard', 'hard', 'hard', new_owner => 'fay') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.seen(), 'app_heir "$user", public', 'and as the new owner of a table that has one');

-- Gone
DROP TABLE app.remarks;
SELECT is(pg_temp.look(), '55000 bound table app.remarks does not exist any more', 'a bound table that was dropped is missed');
SELECT stream_unbind_table((SELECT relation FROM stream.bindings WHERE table_name = 'app.remarks')) \g /dev/null
SELECT is(pg_temp.look(), 'app.notes {"hard": 3}', 'and missed no more once it is unbound');

SELECT * FROM finish();
ROLLBACK;
