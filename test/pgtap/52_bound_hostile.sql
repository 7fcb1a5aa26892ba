-- An application's tables are somebody else's ground: code of their owners, names that need quoting, and
-- changes made after a table was bound.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

CREATE ROLE app_owner;
CREATE SCHEMA app AUTHORIZATION app_owner;
SELECT stream_grant('app_owner', 'admin'), stream_upsert_users('[{"id": "7"}, {"id": "8"}, {"id": "nora"}, {"id": "70"}]', false) \g /dev/null

-- How a hard deletion of user 7 ends: status, SQLSTATE, description. What it did stays.
CREATE FUNCTION pg_temp.hard(new_owner text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    task uuid := stream_delete_users('{7}', 'hard', 'hard', 'hard', 'hard', new_owner) ->> 'task_id';
BEGIN
    PERFORM set_config('test.task', task::text, true);
    CALL stream_run_tasks(until_idle => true);
    RETURN (SELECT concat_ws(' | ', t ->> 'status', t #>> '{error,type}', t #>> '{error,description}') FROM stream_get_task(task) AS t);
END
$$;
-- How that task ends when it is tried again.
CREATE FUNCTION pg_temp.retried() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM stream_retry_task(current_setting('test.task')::uuid);
    CALL stream_run_tasks(until_idle => true);
    RETURN (SELECT concat_ws(' | ', t ->> 'status', t #>> '{error,type}', t #>> '{error,description}')
              FROM stream_get_task(current_setting('test.task')::uuid) AS t);
END
$$;
SAVEPOINT clean;

-- Triggers run as the table's owner, and can't leave that role.
SET LOCAL ROLE app_owner;
CREATE TABLE app.log (n integer GENERATED ALWAYS AS IDENTITY, who text);
CREATE TABLE app.posts (id integer PRIMARY KEY, author text, title text);
CREATE INDEX ON app.posts (author);
INSERT INTO app.posts SELECT n, (ARRAY['7', '8'])[1 + n % 2], 'title' FROM generate_series(1, 6) AS n;
SELECT stream_bind_table('app.posts', 'author', 'author', empty => '{"title": null}') \g /dev/null
CREATE FUNCTION app.act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE TG_ARGV[0];
    RETURN OLD;
END
$$;
CREATE FUNCTION app.make_trigger(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER act BEFORE UPDATE OR DELETE ON app.posts FOR EACH ROW EXECUTE FUNCTION app.act(%L)', what);
END
$$;
RESET ROLE;
CREATE TEMPORARY TABLE attempts (n integer GENERATED ALWAYS AS IDENTITY, code text, answer text, name text);
INSERT INTO attempts (code, answer, name) VALUES
    ('SELECT * FROM stream.users', '42501 | permission denied for table users', 'read the users'),
    ('UPDATE stream.tasks SET status = ''completed''', '42501 | permission denied for table tasks', 'write tasks'),
    ('ALTER ROLE app_owner SUPERUSER',
     CASE WHEN current_setting('server_version_num')::integer < 160000
          THEN '42501 | must be superuser to alter superuser roles or change superuser attribute'
          ELSE '42501 | permission denied to alter role' END, 'become a superuser'),
    ('SET ROLE postgres', '42501 | cannot set parameter "role" within security-definer function', 'take another role'),
    ('RESET ROLE', '42501 | cannot set parameter "role" within security-definer function', 'get back to the session''s role'),
    ('SET SESSION AUTHORIZATION postgres', '42501 | cannot set parameter "session_authorization" within security-definer function',
     'take over the session'),
    ('CREATE TEMPORARY TABLE users (id text)', '42501 | cannot create temporary table within security-restricted operation',
     'leave a temporary table behind'),
    ('PREPARE p AS SELECT 1', '42501 | cannot execute PREPARE within security-restricted operation', 'leave a statement behind'),
    ('LISTEN x', '42501 | cannot execute LISTEN within security-restricted operation', 'listen in'),
    ('SELECT 1 / 0', '22012 | division by zero', 'fail');
CREATE FUNCTION pg_temp.attempt(code text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    posts bigint;
BEGIN
    PERFORM app.make_trigger(code);
    answer := pg_temp.hard();
    posts := (SELECT count(*) FROM app.posts WHERE author = '7');
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN concat_ws(' | ', answer, posts);
END
$$;
SELECT is(pg_temp.attempt(code), format('failed | %s | 3', answer), format('a trigger of a bound table can''t %s: its task fails, with nothing done', name))
  FROM attempts ORDER BY n;
SELECT app.make_trigger('INSERT INTO log (who) VALUES (concat_ws('' '', current_user, session_user = current_user))') \g /dev/null
SELECT is(pg_temp.hard(), 'failed | 42P01 | relation "log" does not exist', 'a trigger that relies on a search_path which its owner does not have fails');
ALTER ROLE app_owner SET search_path = app;
SELECT is(pg_temp.retried(), 'completed', 'with the owner''s own search_path it works, when the task is tried again');
SELECT is((SELECT array_agg(DISTINCT who) FROM app.log), '{app_owner f}', 'as the owner');
SELECT is((SELECT array_agg(id ORDER BY id) FROM app.posts), '{1,3,5}', 'and the rows are gone');
ROLLBACK TO clean;

-- A trigger that keeps rows makes no success of a deletion that leaves them.
SET LOCAL ROLE app_owner;
CREATE TABLE app.posts (id integer PRIMARY KEY, author text, pinned_by text, at timestamptz);
CREATE INDEX ON app.posts (author);
CREATE INDEX ON app.posts (pinned_by);
INSERT INTO app.posts VALUES (1, '7', '8'), (2, '8', '7');
SELECT stream_bind_table('app.posts', 'author', 'author', deleted_column => 'at'), stream_bind_table('app.posts', 'pinned_by', 'pointer') \g /dev/null
CREATE FUNCTION app.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pg_temp.kept(event text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('CREATE TRIGGER keep BEFORE %s ON app.posts FOR EACH ROW EXECUTE FUNCTION app.keep()', event);
    EXECUTE 'SELECT ' || call INTO answer;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN concat_ws(' | ', answer, (SELECT count(*) FROM stream.users WHERE id = '7'));
END
$$;
RESET ROLE;
CREATE FUNCTION pg_temp.soft() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    task uuid := stream_delete_users('{7}') ->> 'task_id';
BEGIN
    CALL stream_run_tasks(until_idle => true);
    RETURN (SELECT concat_ws(' | ', t ->> 'status', t #>> '{error,type}', t #>> '{error,description}') FROM stream_get_task(task) AS t);
END
$$;
SELECT is(pg_temp.kept(event, call), 'failed | 55000 | rows of bound table app.posts stay as they are: a trigger or a rule keeps them | 1', name)
  FROM (VALUES ('DELETE', 'pg_temp.hard()', 'a trigger that keeps a row from being deleted fails the task'),
               ('UPDATE', 'pg_temp.hard()', 'so does one that keeps a pointer'),
               ('UPDATE', 'pg_temp.soft()', 'or one that keeps a row from being marked')) AS k (event, call, name);
ROLLBACK TO clean;

-- Code of the owner hides in types as well: in a domain's constraint.
SET LOCAL ROLE app_owner;
CREATE TABLE app.seen (who text);
CREATE FUNCTION app.see(bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.seen VALUES (current_user);
    RETURN true;
END
$$;
CREATE DOMAIN app.key AS bigint CHECK (app.see(VALUE));
CREATE TABLE app.keyed (id app.key PRIMARY KEY, author text, n app.key);
CREATE TABLE app.keyed_child (id integer PRIMARY KEY, keyed app.key REFERENCES app.keyed);
CREATE TABLE app.keyed_leaf (id integer PRIMARY KEY, child integer);
CREATE INDEX ON app.keyed (author);
CREATE INDEX ON app.keyed_child (keyed);
CREATE INDEX ON app.keyed_leaf (child);
INSERT INTO app.keyed SELECT n, '7', n FROM generate_series(1, 20) AS n;
INSERT INTO app.keyed_child SELECT n, n FROM generate_series(1, 20) AS n;
SELECT stream_bind_table('app.keyed', 'author', 'author', empty => '{"n": 5}',
                         children => '{"app.keyed_child": {"columns": "keyed", "children": {"app.keyed_leaf": "child"}}}') \g /dev/null
RESET ROLE;
SET LOCAL stream_users.chunk_rows = 3;
SELECT stream_delete_users('{7}', NULL, 'pruning', NULL, NULL) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_delete_users('{7}', 'hard', 'hard', 'hard', 'hard', dry_run => true) \g /dev/null
SELECT is(pg_temp.hard(), 'completed', 'rows with keys of a domain go');
SELECT is((SELECT array_agg(DISTINCT who) FROM app.seen), '{app_owner}', 'the domain''s constraint never ran as anybody but the owner');
SELECT is((SELECT count(*) FROM app.keyed) + (SELECT count(*) FROM app.keyed_child), 0::bigint, 'and the rows and their children are gone');
ROLLBACK TO clean;

SET LOCAL ROLE app_owner;
CREATE TABLE app.log (who text);
SELECT throws_ok($$CREATE TRIGGER mine AFTER INSERT ON app.log REFERENCING NEW TABLE AS new_rows
                   FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('who')$$,
                 '42501', 'permission denied for function stream.guard_author', 'nobody makes guard triggers but by binding');
RESET ROLE;
ROLLBACK TO clean;

-- Row-level security
SET LOCAL ROLE app_owner;
CREATE TABLE app.secrets (id integer PRIMARY KEY, author text);
CREATE INDEX ON app.secrets (author);
INSERT INTO app.secrets VALUES (1, '7'), (2, '8');
ALTER TABLE app.secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY none ON app.secrets USING (false);
SELECT stream_bind_table('app.secrets', 'author', 'author') \g /dev/null
ALTER TABLE app.secrets FORCE ROW LEVEL SECURITY;
RESET ROLE;
SELECT is(pg_temp.hard(), 'failed | 42501 | query would be affected by row-level security policy for table "secrets"',
          'row-level security forced upon the owner after binding is an error, not rows passed over');
SELECT is((SELECT count(*) FROM app.secrets), 2::bigint, 'and nothing is done');
ALTER TABLE app.secrets NO FORCE ROW LEVEL SECURITY;
SELECT is(pg_temp.retried(), 'completed', 'unforced, the task goes on');
SELECT is((SELECT array_agg(id) FROM app.secrets), '{2}', 'and rows that a policy hides from everybody else go');
ROLLBACK TO clean;

-- Names that need quoting
CREATE SCHEMA "select ""x""; --" AUTHORIZATION app_owner;
SET LOCAL ROLE app_owner;
\set long 'é"длинное имя 名前 with spaces and a qu''ote 0123456789'
CREATE TABLE "select ""x""; --"."Tab'le.""1""" ("primary" integer, "k ey" text, "us""er's ид" text, "when" timestamptz, "by" uuid, "te xt" text,
    "doc""" jsonb, PRIMARY KEY ("k ey", "primary"));
CREATE TABLE "select ""x""; --".:"long" (:"long" integer PRIMARY KEY, "p 1" integer, "p,2" text);
SELECT is(octet_length(relname), 63, 'a name of 63 bytes') FROM pg_class WHERE relname LIKE 'é%' AND relkind = 'r';
INSERT INTO "select ""x""; --"."Tab'le.""1""" SELECT n, 'k''' || n, (ARRAY['7', '8'])[1 + n % 2], NULL, NULL, 'text',
    jsonb_build_object('a,b', jsonb_build_object('{c}', jsonb_build_object('d"\e', jsonb_build_object('f g', (ARRAY['7', '8'])[1 + n % 2]))),
                       '*', jsonb_build_array('8', '7')) FROM generate_series(1, 4) AS n;
INSERT INTO "select ""x""; --".:"long" SELECT n, n, 'k''' || n FROM generate_series(1, 4) AS n;
SELECT stream_bind_table('"select ""x""; --"."Tab''le.""1"""', 'us"er''s ид', 'author', deleted_column => 'when', task_column => 'by',
                         empty => '{"te xt": "it''s \"gone\""}',
                         children => jsonb_build_object(format('%I.%I', 'select "x"; --', :'long'), '{"columns": ["p,2", "p 1"]}'::jsonb)) \g /dev/null
SELECT stream_bind_table('"select ""x""; --"."Tab''le.""1"""', 'doc"', 'owner', path => ARRAY['a,b', '{c}', 'd"\e', 'f g']),
       stream_bind_table('"select ""x""; --"."Tab''le.""1"""', 'doc"', 'pointer', path => '{"*","*"}') \g /dev/null
RESET ROLE;
SELECT is(stream_delete_users('{7}', 'soft', 'pruning', dry_run => true) -> 'counts' #- '{stream.users}',
          '{"\"select \"\"x\"\"; --\".\"Tab''le.\"\"1\"\"\"": {"pruning": 2}}', 'such a table is counted by its quoted name');
SELECT stream_delete_users('{7}', 'soft', 'pruning') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT array_agg(DISTINCT "te xt" || ("when" IS NOT NULL)::text || ("by" IS NOT NULL)::text) FROM "select ""x""; --"."Tab'le.""1""" WHERE "us""er's ид" = '7'),
          '{"it''s \"gone\"truetrue"}', 'its rows are pruned');
SELECT is(pg_temp.hard('nora'), 'completed', 'and hard-deleted');
SELECT is((SELECT array_agg("primary" ORDER BY 1) FROM "select ""x""; --"."Tab'le.""1"""), '{1,3}', 'those that name the user go');
SELECT is((SELECT array_agg("p 1" ORDER BY 1) FROM "select ""x""; --".:"long"), '{1,3}', 'with their children, whose columns stand in another order than the key');
SELECT is((SELECT array_agg(DISTINCT "doc""") FROM "select ""x""; --"."Tab'le.""1"""),
          ARRAY['{"*": ["8"], "a,b": {"{c}": {"d\"\\e": {"f g": "8"}}}}'::jsonb], 'paths with commas, braces, quotes and backslashes lead to ids');
ROLLBACK TO clean;
CREATE TABLE app.odd (id integer PRIMARY KEY, doc jsonb);
ALTER TABLE app.odd OWNER TO app_owner;
INSERT INTO app.odd VALUES (1, '{"a,b": {"{c}": {"d\"\\e": {"f g": "7"}}}}'), (2, '{"a,b": {"{c}": {"d\"\\e": {"f g": "8"}}}}');
SELECT stream_bind_table('app.odd', 'doc', 'owner', path => ARRAY['a,b', '{c}', 'd"\e', 'f g']) \g /dev/null
SELECT is(pg_temp.hard('nora'), 'completed', 'a document deletes');
SELECT is((SELECT array_agg(doc #>> ARRAY['a,b', '{c}', 'd"\e', 'f g'] ORDER BY id) FROM app.odd), '{nora,8}', 'and its owner is found by such a path');
SELECT stream_delete_users('{8}') \g /dev/null
SELECT throws_ok($$INSERT INTO app.odd VALUES (3, '{"a,b": {"{c}": {"d\"\\e": {"f g": "8"}}}}')$$, 'ST017', NULL, 'so is that of a new row, by the guard');
ROLLBACK TO clean;

-- Tables that change after they were bound
SET LOCAL ROLE app_owner;
CREATE TABLE app.posts (id integer PRIMARY KEY, author text, title text, at timestamptz, by uuid, files jsonb);
CREATE TABLE app.comments (id integer PRIMARY KEY, post integer, text text);
CREATE TABLE app.likes (id integer PRIMARY KEY, comment integer);
CREATE INDEX ON app.posts (author);
INSERT INTO app.posts VALUES (1, '7', 'title'), (2, '8', 'title');
INSERT INTO app.comments VALUES (1, 1), (2, 2);
INSERT INTO app.likes VALUES (1, 1), (2, 2);
SELECT stream_bind_table('app.posts', 'author', 'author', deleted_column => 'at', task_column => 'by', empty => '{"title": null}',
                         children => '{"app.comments": {"columns": "post", "children": {"app.likes": "comment"}}}', attachments_column => 'files') \g /dev/null
RESET ROLE;
CREATE FUNCTION pg_temp.after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    posts text;
BEGIN
    EXECUTE change;
    answer := pg_temp.hard();
    IF to_regclass('app.posts') IS NOT NULL THEN
        posts := (SELECT count(*) FROM app.posts);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN concat_ws(' | ', answer, posts);
END
$$;
SELECT is(pg_temp.after(change), answer, format('after %s', change))
  FROM (VALUES
    ('DROP TABLE app.posts', 'failed | 55000 | bound table app.posts does not exist any more'),
    ('ALTER TABLE app.posts DROP COLUMN author', 'failed | 55000 | column author of bound table app.posts does not exist any more | 2'),
    ('ALTER TABLE app.posts RENAME COLUMN author TO writer', 'failed | 55000 | column author of bound table app.posts does not exist any more | 2'),
    ('ALTER TABLE app.posts ALTER COLUMN author TYPE numeric USING author::numeric',
     'failed | 55000 | column author of bound table app.posts has a type that can''t hold users'' ids | 2'),
    ('ALTER TABLE app.posts ALTER COLUMN author TYPE jsonb USING to_jsonb(author)',
     'failed | 55000 | column author of bound table app.posts is a document, and the binding has no path into it | 2'),
    ('ALTER TABLE app.posts ALTER COLUMN author TYPE bigint USING author::bigint', 'completed | 1'),
    ('ALTER TABLE app.posts DROP COLUMN title', 'failed | 55000 | column title of bound table app.posts does not exist any more | 2'),
    ('ALTER TABLE app.posts DROP COLUMN at',
     'failed | 55000 | column at of bound table app.posts does not exist any more, or has a type that can''t mark rows deleted | 2'),
    ('ALTER TABLE app.posts DROP COLUMN by', 'failed | 55000 | column by of bound table app.posts does not exist any more, or is no uuid | 2'),
    ('ALTER TABLE app.posts DROP COLUMN files', 'failed | 55000 | column files of bound table app.posts does not exist any more, or is not jsonb | 2'),
    ('ALTER TABLE app.posts DROP CONSTRAINT posts_pkey', 'failed | 55000 | bound table app.posts has no primary key | 2'),
    ('ALTER TABLE app.posts DROP CONSTRAINT posts_pkey, ADD UNIQUE (id), ADD CONSTRAINT p PRIMARY KEY (author)',
     'failed | 55000 | column id is not of the primary key of bound table app.posts any more | 2'),
    ('ALTER TABLE app.comments DROP COLUMN post',
     'failed | 55000 | column post of bound table app.comments does not exist any more, or has a type that can''t be bound | 2'),
    ('CREATE TYPE app.text AS ENUM (''7'', ''8''); ALTER TABLE app.posts ALTER COLUMN author TYPE app.text USING author::app.text',
     'failed | 55000 | column author of bound table app.posts has a type that can''t hold users'' ids | 2'),
    ('ALTER TABLE app.posts RENAME TO writings', 'completed'),
    ('ALTER SCHEMA app RENAME TO application', 'completed'),
    ('ALTER TABLE app.posts ADD COLUMN mood text', 'completed | 1'),
    ('DROP INDEX app.posts_author_idx', 'completed | 1')) AS v (change, answer);
SELECT matches(pg_temp.after(format('DROP TABLE app.%s', name)), '^failed \| 55000 \| bound table \d+ does not exist any more \| 2$',
               format('a child that is gone stops the task: %s', name)) FROM unnest('{comments,likes}'::text[]) AS name;
DROP TABLE app.posts;
SELECT is(pg_temp.hard(), 'failed | 55000 | bound table app.posts does not exist any more', 'a task over a table that is gone says so');
SELECT throws_ok($$SELECT stream_delete_users('{8}', dry_run => true)$$, '55000', 'bound table app.posts does not exist any more', 'so does a dry run');
SELECT relation::oid AS gone FROM stream.bindings WHERE table_name = 'app.posts' \gset
SELECT is(stream_unbind_table(:gone) ->> 'relation', 'app.posts', 'it is unbound by its number');
SELECT is(pg_temp.retried(), 'completed', 'and the task completes when it is tried again');
SELECT is((SELECT count(*) FROM stream.users WHERE id = '7'), 0::bigint, 'its user is gone');
ROLLBACK TO clean;

-- Foreign keys
SET LOCAL ROLE app_owner;
CREATE TABLE app.people (id text PRIMARY KEY, friend text REFERENCES app.people DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE app.pets (id integer PRIMARY KEY, keeper text NOT NULL REFERENCES app.people DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX ON app.people (friend);
CREATE INDEX ON app.pets (keeper);
INSERT INTO app.people VALUES ('7', '8'), ('8', '7'), ('70', NULL);
INSERT INTO app.pets VALUES (1, '7'), (2, '8');
SELECT stream_bind_table('app.people', 'id', 'personal'), stream_bind_table('app.people', 'friend', 'pointer') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.hard(), 'failed | 42501 | cannot fire deferred trigger within security-restricted operation',
          'inside a transaction block a task says that it can''t defer constraints');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.retried(), 'failed | 23503 | update or delete on table "people" violates foreign key constraint "pets_keeper_fkey" on table "pets"',
          'a foreign key of a table that is not bound stops a hard deletion');
SELECT is((SELECT array_agg(id ORDER BY id) FROM app.people), '{7,70,8}', 'with nothing done to the row it points to');
SET LOCAL ROLE app_owner;
SELECT stream_bind_table('app.pets', 'keeper', 'owner', hard => 'delete') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.retried(), 'completed', 'bound, its rows go first, whatever the keys'' deferral');
SELECT is((SELECT array_agg(ROW(id, friend)::text ORDER BY id) FROM app.people), '{"(70,)","(8,)"}', 'pointers of the own table are cleared');
SELECT is((SELECT array_agg(id) FROM app.pets), '{2}', 'and other people''s rows are left');
ROLLBACK TO clean;

SET LOCAL ROLE app_owner;
CREATE TABLE app.people (id text PRIMARY KEY);
CREATE TABLE app.pets (id integer PRIMARY KEY, keeper text REFERENCES app.people ON DELETE CASCADE);
CREATE TABLE app.toys (id integer PRIMARY KEY, pet integer REFERENCES app.pets ON DELETE CASCADE);
INSERT INTO app.people VALUES ('7'), ('8');
INSERT INTO app.pets VALUES (1, '7'), (2, '8');
INSERT INTO app.toys VALUES (1, 1), (2, 2);
SELECT stream_bind_table('app.people', 'id', 'personal') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.hard(), 'completed', 'keys that cascade take what is not bound along');
SELECT is((SELECT array_agg(id) FROM app.toys), '{2}', 'to the last');
ROLLBACK TO clean;

-- Rows that are pointed to go last, also those that have descendants, or point to their own table.
SET LOCAL ROLE app_owner;
CREATE TABLE app.people (id text PRIMARY KEY, invited_by text REFERENCES app.people);
CREATE TABLE app.pets (id integer PRIMARY KEY, keeper text REFERENCES app.people);
CREATE TABLE app.toys (id integer PRIMARY KEY, pet integer REFERENCES app.pets);
CREATE TABLE app.bills (id integer PRIMARY KEY, payer text REFERENCES app.people);
CREATE INDEX ON app.people (invited_by);
CREATE INDEX ON app.pets (keeper);
CREATE INDEX ON app.toys (pet);
CREATE INDEX ON app.bills (payer);
INSERT INTO app.people VALUES ('7', NULL), ('8', '7'), ('70', '8');
INSERT INTO app.pets VALUES (1, '7'), (2, '8');
INSERT INTO app.toys VALUES (1, 1), (2, 2);
INSERT INTO app.bills VALUES (1, '7'), (2, '8');
SELECT stream_bind_table('app.people', 'id', 'personal', children => '{"app.pets": {"columns": "keeper", "children": {"app.toys": "pet"}}}'),
       stream_bind_table('app.people', 'invited_by', 'pointer'), stream_bind_table('app.bills', 'payer', 'author', hard => 'keep') \g /dev/null
RESET ROLE;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT stream_delete_users('{7,8}', 'hard', 'hard', 'hard', 'hard', dry_run => true) -> 'counts' AS announced,
       stream_delete_users('{7,8}', 'hard', 'hard', 'hard', 'hard') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') #>> '{error,description}', NULL, 'rows that others point to are deleted');
SELECT is(stream_get_task(:'task') #> '{result,counts}', :'announced'::jsonb, 'as a dry run announces');
SELECT is(ARRAY(SELECT to_jsonb(p)::text FROM app.people AS p) || ARRAY(SELECT to_jsonb(b)::text FROM app.bills AS b ORDER BY id),
          '{"{\"id\": \"70\", \"invited_by\": null}","{\"id\": 1, \"payer\": null}","{\"id\": 2, \"payer\": null}"}', 'and the others point to nobody');
SELECT is((SELECT count(*) FROM app.pets) + (SELECT count(*) FROM app.toys) + (SELECT count(*) FROM stream.marks), 0::bigint,
          'nothing is left of what hung on them');
ROLLBACK TO clean;

-- New owners that a column can't hold
SET LOCAL ROLE app_owner;
CREATE TABLE app.boats (id integer PRIMARY KEY, owner bigint NOT NULL);
CREATE INDEX ON app.boats (owner);
INSERT INTO app.boats VALUES (1, 7), (2, 8);
SELECT stream_bind_table('app.boats', 'owner', 'owner') \g /dev/null
RESET ROLE;
SELECT throws_ok($$SELECT stream_delete_users('{7}', 'hard', 'hard', 'hard', new_owner => 'nora')$$, 'ST004',
                 'DeleteUsers failed with error: "column app.boats.owner can''t hold the id "nora""', 'a new owner must fit the columns that get it');
SELECT throws_ok($$SELECT stream_delete_users('{7}', 'hard', 'hard', 'hard')$$, 'ST004',
                 'DeleteUsers failed with error: "column app.boats.owner needs a new owner"', 'which a placeholder can''t');
SELECT is(pg_temp.hard('70'), 'completed', 'with one that fits the deletion completes');
SELECT is((SELECT array_agg(owner ORDER BY id) FROM app.boats), '{70,8}', 'and the rows are its');

SELECT * FROM finish();
ROLLBACK;
