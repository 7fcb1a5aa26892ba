-- Binding tables of an application: what is refused, what replaces what, guards, and that a restore brings
-- back whole rows. The modes of a deletion are in 50_bound_modes_*.sql, warnings in sql/bindings.sql.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

CREATE ROLE app_owner;
CREATE ROLE app_stranger;
CREATE ROLE app_reader;
CREATE SCHEMA app AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA app TO app_stranger, app_reader;
SELECT stream_grant('app_owner', 'admin'), stream_grant('app_stranger', 'admin'), stream_grant('app_reader', 'moderator') \g /dev/null

-- Everything a binding changes
CREATE FUNCTION pg_temp.catalogue() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT concat_ws(E'\n',
        (SELECT string_agg(b::text, E'\n' ORDER BY b.relation, b.user_column, b.path) FROM stream.bindings AS b WHERE NOT built_in),
        (SELECT string_agg(c::text, E'\n' ORDER BY c.parent, c.child, c.child_columns) FROM stream.binding_children AS c WHERE NOT built_in),
        (SELECT string_agg(m::text, E'\n' ORDER BY m.relation) FROM stream.binding_marks AS m WHERE NOT built_in),
        (SELECT string_agg(concat_ws(' ', tgrelid::regclass, tgname, tgargs), E'\n' ORDER BY tgrelid, tgname) FROM pg_trigger WHERE tgname = 'stream_users_guard'))
$$;
-- What a call is refused with, and whether anything changed: SQLSTATE, reason, path, hint.
CREATE FUNCTION pg_temp.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before text := pg_temp.catalogue();
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    BEGIN
        EXECUTE 'SELECT ' || call;
        RETURN 'not refused';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    END;
    RETURN concat_ws(' | ', state, COALESCE(substring(message FROM '^\w+ failed with error: "(.+)"$'), message),
                     CASE WHEN detail LIKE '{%' THEN detail::json ->> 'path' END, NULLIF(hint, ''),
                     CASE WHEN pg_temp.catalogue() <> before THEN 'and yet something changed' END);
END
$$;

SET LOCAL ROLE app_owner;
CREATE COLLATION app.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN app.user_id AS text CHECK (VALUE <> '');
CREATE DOMAIN app.moment AS timestamptz;
CREATE TYPE app.size AS ENUM ('small', 'large');
CREATE TYPE app.pair AS (a integer, b integer);
CREATE TABLE app.things (
    id bigint PRIMARY KEY, author text, title text NOT NULL, num integer, size app.size, price numeric, at timestamptz, flag boolean NOT NULL,
    due timestamptz NOT NULL, task uuid, busy uuid NOT NULL, doc jsonb, files jsonb, names text[], uid uuid, nid bigint NOT NULL,
    twice bigint GENERATED ALWAYS AS (num * 2) STORED, seq bigint GENERATED ALWAYS AS IDENTITY, loose text COLLATE app.any_case,
    name name, short varchar(20), tiny smallint, checked app.user_id, moment app.moment, docs jsonb[], pair app.pair);
CREATE TABLE app.others (id bigint PRIMARY KEY, thing bigint, strict bigint NOT NULL, word text, author text);
CREATE TABLE app.leaves (other bigint, n integer, thing bigint, PRIMARY KEY (other, n));
CREATE TABLE app.twigs (leaf_other bigint, leaf_n integer, id integer PRIMARY KEY);
CREATE TABLE app.pairs (a bigint, b bigint, author text, PRIMARY KEY (a, b));
CREATE TABLE app.pair_rows (id bigint PRIMARY KEY, a bigint, b bigint);
CREATE TABLE app.pair_leaves (id bigint PRIMARY KEY, pair_row bigint);
CREATE TABLE app.keyless (author text);
CREATE TABLE app.sized (size app.size PRIMARY KEY, author text);
CREATE TABLE app.tree (id bigint PRIMARY KEY, parent bigint, author text);
CREATE VIEW app.view AS SELECT 'x'::text AS author;
CREATE TABLE app.years (year integer, id integer, author text, PRIMARY KEY (year, id)) PARTITION BY LIST (year);
CREATE TABLE app.year_1 PARTITION OF app.years FOR VALUES IN (1);
CREATE TABLE app.hidden (id integer PRIMARY KEY, author text);
ALTER TABLE app.hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
RESET ROLE;
CREATE TABLE app.foreign_ground (id integer PRIMARY KEY, author text, thing bigint);

SET LOCAL ROLE app_owner;
CREATE TEMPORARY TABLE mine (id integer PRIMARY KEY, author text);

-- Refused: what is written after the relation, and the answer
CREATE TEMPORARY TABLE refusals (n integer GENERATED ALWAYS AS IDENTITY, relation text, arguments text, answer text);
INSERT INTO refusals (relation, arguments, answer) VALUES
    -- the table
    ('app.view', $$'author', 'author'$$, 'ST004 | app.view is not an ordinary or partitioned table that lasts | relation'),
    ('pg_temp.mine', $$'author', 'author'$$, 'ST004 | mine is not an ordinary or partitioned table that lasts | relation'),
    ('app.year_1', $$'author', 'author'$$, 'ST004 | app.year_1 is a partition | relation | Bind the partitioned table.'),
    ('app.keyless', $$'author', 'author'$$, 'ST004 | app.keyless has no primary key | relation'),
    ('app.sized', $$'author', 'author'$$,
     'ST004 | column size of the primary key of app.sized has a type that is not PostgreSQL''s own | relation'),
    ('app.hidden', $$'author', 'author'$$,
     'ST004 | row-level security would hide rows of app.hidden from its owner | relation | ALTER TABLE … NO FORCE ROW LEVEL '
     || 'SECURITY, or give the owner BYPASSRLS: the owner writes for the tasks.'),
    ('app.foreign_ground', $$'author', 'author'$$, '42501 | must be owner of table foreign_ground'),
    ('stream.messages', $$'user_id', 'author'$$, '42501 | must be owner of table messages'),
    ('pg_catalog.pg_class', $$'relname', 'author'$$, '42501 | must be owner of table pg_class'),
    -- kind and mode
    ('app.things', $$'author', 'writer'$$,
     'ST004 | kind "writer" is not valid | kind | Use ''author'', ''owner'', ''member'', ''pointer'' or ''personal''.'),
    ('app.things', $$'author', NULL$$,
     'ST004 | kind must not be null | kind | Use ''author'', ''owner'', ''member'', ''pointer'' or ''personal''.'),
    ('app.things', $$'author', 'author', mode => 'calls'$$, 'ST004 | mode "calls" is not valid | mode | Use ''user'' or ''messages''.'),
    -- the user's column
    ('app.things', $$NULL, 'author'$$, 'ST004 | user_column must not be null | user_column'),
    ('app.things', $$'writer', 'author'$$, 'ST004 | column "writer" of table app.things does not exist | user_column'),
    ('app.things', $$'ctid', 'author'$$, 'ST004 | column "ctid" of table app.things does not exist | user_column'),
    ('app.things', $$'price', 'author'$$,
     'ST004 | column price of type numeric can''t hold users'' ids | user_column | Use text, varchar, uuid, bigint, integer, an array of these, or jsonb.'),
    ('app.things', $$'tiny', 'author'$$,
     'ST004 | column tiny of type smallint can''t hold users'' ids | user_column | Use text, varchar, uuid, bigint, integer, an array of these, or jsonb.'),
    ('app.things', $$'name', 'author'$$,
     'ST004 | column name of type name can''t hold users'' ids | user_column | Use text, varchar, uuid, bigint, integer, an array of these, or jsonb.'),
    ('app.things', $$'size', 'author'$$,
     'ST004 | column size of type app.size can''t hold users'' ids | user_column | Use text, varchar, uuid, bigint, integer, an array of these, or jsonb.'),
    ('app.things', $$'docs', 'author', path => '{id}'$$,
     'ST004 | column docs is not jsonb, so path must be null | path'),
    ('app.things', $$'loose', 'author'$$, 'ST004 | column loose takes different ids for equal, by its collation | user_column'),
    -- the path
    ('app.things', $$'doc', 'author'$$, 'ST004 | column doc is jsonb and needs a path | path'),
    ('app.things', $$'author', 'author', path => '{id}'$$, 'ST004 | column author is not jsonb, so path must be null | path'),
    ('app.things', $$'doc', 'author', path => '{}'$$, 'ST004 | path must name at least one key | path'),
    ('app.things', $$'doc', 'author', path => '{*}'$$, 'ST004 | path must name at least one key | path'),
    -- the mark
    ('app.things', $$'author', 'author', deleted_column => 'gone'$$, 'ST004 | column "gone" of table app.things does not exist | deleted_column'),
    ('app.things', $$'author', 'author', deleted_column => 'num'$$,
     'ST004 | column num of type integer can''t mark rows deleted | deleted_column | Use a timestamp with or without time zone, or a boolean.'),
    ('app.things', $$'author', 'author', deleted_column => 'due'$$, 'ST004 | column due can''t be set and cleared | deleted_column'),
    ('app.things', $$'author', 'author', task_column => 'task'$$, 'ST004 | task_column needs a deleted_column | task_column'),
    ('app.things', $$'author', 'author', deleted_column => 'at', task_column => 'author'$$,
     'ST004 | column author is not a uuid that can be null | task_column'),
    ('app.things', $$'author', 'author', deleted_column => 'at', task_column => 'busy'$$,
     'ST004 | column busy is not a uuid that can be null | task_column'),
    -- what is emptied
    ('app.things', $$'author', 'author', empty => '[]'$$, 'ST004 | empty must be an object | empty'),
    ('app.things', $$'author', 'author', empty => '{"text": null}'$$, 'ST004 | column "text" of table app.things does not exist | empty.text'),
    ('app.things', $$'author', 'author', empty => '{"title": null}'$$,
     'ST004 | column title can''t be null | empty.title | Give it a value that says nothing, such as "".'),
    ('app.things', $$'author', 'author', empty => '{"twice": null}'$$, 'ST004 | column twice can''t be emptied | empty.twice'),
    ('app.things', $$'author', 'author', empty => '{"seq": 1}'$$, 'ST004 | column seq can''t be emptied | empty.seq'),
    ('app.things', $$'author', 'author', empty => '{"id": 1}'$$, 'ST004 | column id can''t be emptied | empty.id'),
    ('app.things', $$'author', 'author', empty => '{"num": "none"}'$$, 'ST004 | invalid input syntax for type integer: "none" | empty'),
    ('app.things', $$'author', 'author', empty => '{"size": "huge"}'$$, 'ST004 | invalid input value for enum app.size: "huge" | empty'),
    ('app.things', $$'author', 'author', empty => '{"checked": ""}'$$,
     'ST004 | value for domain app.user_id violates check constraint "user_id_check" | empty'),
    -- what happens in which mode
    ('app.things', $$'author', 'author', soft => 'gone'$$, 'ST004 | soft "gone" is not valid | soft | Use one of ''mark'', ''empty'', ''delete'', ''keep''.'),
    ('app.things', $$'author', 'author', soft => 'reassign'$$,
     'ST004 | soft "reassign" is not valid | soft | Use one of ''mark'', ''empty'', ''delete'', ''keep''.'),
    ('app.things', $$'author', 'author', hard => 'mark'$$,
     'ST004 | hard "mark" is not valid | hard | Use one of ''delete'', ''empty'', ''keep'', ''reassign''.'),
    ('app.things', $$'author', 'author', soft => 'mark'$$, 'ST004 | rows can''t be marked without a deleted_column | soft'),
    ('app.things', $$'author', 'author', pruning => 'mark'$$, 'ST004 | rows can''t be marked without a deleted_column | pruning'),
    ('app.things', $$'author', 'author', pruning => 'empty'$$, 'ST004 | empty does not say what to empty | pruning'),
    ('app.things', $$'author', 'author', hard => 'empty'$$, 'ST004 | empty does not say what to empty | hard'),
    ('app.things', $$'nid', 'author', hard => 'keep'$$,
     'ST004 | rows can''t stay without their user: column nid can''t be null | hard | Use hard => ''delete'' or ''reassign'', or let the column be null.'),
    ('app.things', $$'nid', 'pointer'$$,
     'ST004 | rows can''t stay without their user: column nid can''t be null | hard | Use hard => ''delete'' or ''reassign'', or let the column be null.'),
    ('app.things', $$'id', 'owner'$$,
     'ST004 | rows can''t stay without their user: column id can''t be changed | hard | Use hard => ''delete''.'),
    ('app.things', $$'twice', 'pointer'$$,
     'ST004 | rows can''t stay without their user: column twice can''t be changed | hard | Use hard => ''delete''.'),
    ('app.things', $$'names', 'owner'$$, 'ST004 | a list of ids can''t be reassigned | hard | Use ''keep''.'),
    ('app.things', $$'doc', 'owner', path => '{owners,*}'$$, 'ST004 | a list of ids can''t be reassigned | hard | Use ''keep''.'),
    ('app.things', $$'names', 'member', guard => true, hard => 'keep'$$, 'ST004 | a list of ids can''t be guarded | guard'),
    ('app.things', $$'author', 'author', attachments_column => 'title'$$, 'ST004 | column title is not jsonb | attachments_column'),
    ('app.things', $$'author', 'author', attachments_column => 'docs'$$, 'ST004 | column docs is not jsonb | attachments_column'),
    ('app.things', $$'author', 'author', attachments_column => 'none'$$,
     'ST004 | column "none" of table app.things does not exist | attachments_column'),
    -- children
    ('app.things', $$'author', 'author', children => '[]'$$, 'ST004 | children must be an object | children'),
    ('app.things', $$'author', 'author', children => '{"app.nothing": "x"}'$$,
     'ST016 | table "app.nothing" does not exist | children.app.nothing | Name the table with its schema.'),
    ('app.things', $$'author', 'author', children => '{"others": "thing"}'$$,
     'ST016 | table "others" does not exist | children.others | Name the table with its schema.'),
    ('app.things', $$'author', 'author', children => '{"app.others": "parent"}'$$,
     'ST004 | column "parent" of table app.others does not exist | children.app.others'),
    ('app.things', $$'author', 'author', children => '{"app.others": 7}'$$,
     'ST004 | columns must be a name or an array of names | children.app.others'),
    ('app.things', $$'author', 'author', children => '{"app.others": [7]}'$$, 'ST004 | a column''s name must be a string | children.app.others'),
    ('app.things', $$'author', 'author', children => '{"app.others": {}}'$$, 'ST004 | columns is missing | children.app.others'),
    ('app.things', $$'author', 'author', children => '{"app.others": {"column": "thing"}}'$$,
     'ST004 | unknown key "column" | children.app.others.column'),
    ('app.things', $$'author', 'author', children => '{"app.others": {"columns": "thing", "pruning": "mark"}}'$$,
     'ST004 | the value is not valid | children.app.others.pruning | Use "keep" or "delete".'),
    ('app.things', $$'author', 'author', children => '{"app.others": {"columns": "thing", "hard": "keep"}}'$$,
     'ST004 | the value is not valid | children.app.others.hard | Use "delete" or "clear".'),
    ('app.things', $$'author', 'author', children => '{"app.others": ["thing", "id"]}'$$,
     'ST004 | columns must be as many as the parent''s primary key has | children.app.others | Name the columns of the key that they hold as parent_columns.'),
    ('app.things', $$'author', 'author', children => '{"app.others": {"columns": "thing", "parent_columns": "num"}}'$$,
     'ST004 | column num is not of the parent''s primary key | children.app.others'),
    ('app.things', $$'author', 'author', children => '{"app.others": "word"}'$$,
     'ST004 | column word of type text can''t hold a key of type bigint | children.app.others'),
    ('app.things', $$'author', 'author', children => '{"app.others": {"columns": "strict", "hard": "clear"}}'$$,
     'ST004 | column strict can''t be null, so it can''t be cleared | children.app.others'),
    ('app.things', $$'author', 'author', children => '{"app.foreign_ground": "thing"}'$$, '42501 | must be owner of table foreign_ground'),
    ('app.tree', $$'author', 'author', children => '{"app.tree": "parent"}'$$,
     'ST004 | rows of app.tree would hang on rows of the same table | children'),
    ('app.things', $$'author', 'author', children => '{"app.others": {"columns": "thing", "children": {"app.things": "nid"}}}'$$,
     'ST004 | rows of app.others would hang on rows of the same table | children'),
    ('app.pairs', $$'author', 'author', children => '{"app.pair_rows": {"columns": ["a", "b"], "children": {"app.pair_leaves": "pair_row"}}}'$$,
     'ST004 | rows hang on what hangs on rows of app.pairs, whose primary key has more than one column | children');
SELECT is(pg_temp.refusal(format('stream_bind_table(%L, %s)', relation, arguments)), answer, format('refused: %s, %s', relation, arguments))
  FROM refusals ORDER BY n;
SELECT is(pg_temp.refusal($$stream_bind_table(NULL, 'author', 'author')$$), 'ST004 | relation must not be null | relation', 'refused: no table');
SELECT is(pg_temp.refusal($$stream_bind_table(4294967295::oid::regclass, 'author', 'author')$$),
          'ST016 | table 4294967295 does not exist | relation', 'refused: a table that is not there');
RESET ROLE;
SELECT is(pg_temp.refusal($$stream_bind_table('stream.messages', 'user_id', 'author')$$),
          'ST004 | stream.messages is not a table of the application | relation', 'not even a superuser binds the extension''s own tables');
SELECT is(pg_temp.refusal($$stream_bind_table('pg_catalog.pg_class', 'relname', 'author')$$),
          'ST004 | pg_class is not a table of the application | relation', 'nor those of the system');
SET LOCAL ROLE app_stranger;
SELECT is(pg_temp.refusal($$stream_bind_table('app.things', 'author', 'author')$$), '42501 | must be owner of table things',
          'who may call but doesn''t own the table may not bind it');
SET LOCAL ROLE app_reader;
SELECT is(pg_temp.refusal($$stream_bind_table('app.things', 'author', 'author')$$), '42501 | permission denied for function stream_bind_table',
          'who has not been granted level admin may not bind');
SELECT is(pg_temp.refusal($$stream_unbind_table('app.things')$$), '42501 | permission denied for function stream_unbind_table', 'nor unbind');
RESET ROLE;

-- Bound, bound again, unbound
SET LOCAL ROLE app_owner;
SELECT is(stream_bind_table('app.things', 'author', 'author') - 'duration',
          '{"relation": "app.things", "user_column": "author", "kind": "author", "mode": "messages", "soft": "keep", "pruning": "keep",
            "hard": "delete", "guard": true}', 'the owner binds a table and is told what that means');
SELECT is(stream_bind_table('app.things', 'author', 'personal', deleted_column => 'flag', empty => '{"title": ""}') - 'duration',
          '{"relation": "app.things", "user_column": "author", "kind": "personal", "mode": "user", "soft": "mark", "pruning": "empty",
            "hard": "delete", "guard": false}', 'the same column bound again is bound anew');
SELECT is((SELECT count(*) FROM regexp_matches(pg_temp.catalogue(), 'app.things,author', 'g')), 1::bigint, 'and only once');
SELECT is(pg_temp.refusal($$stream_bind_table('app.things', 'uid', 'author', empty => '{"title": ""}')$$),
          'ST004 | rows of app.things are emptied by column author already | empty', 'rows are emptied for one of their users only');
SELECT is(stream_bind_table('app.things', k.name, k.kind, k.path, hard => k.hard) - 'duration' - 'relation' - 'user_column',
          k.answer::jsonb, format('default of %s %s %s', k.kind, k.name, k.path))
  FROM (VALUES ('uid'::name, 'owner', NULL::text[], NULL, '{"kind": "owner", "mode": "user", "soft": "keep", "pruning": "keep", "hard": "reassign", "guard": true}'),
               ('nid', 'member', NULL, NULL, '{"kind": "member", "mode": "user", "soft": "mark", "pruning": "mark", "hard": "delete", "guard": true}'),
               ('num', 'pointer', NULL, NULL, '{"kind": "pointer", "mode": "user", "soft": "keep", "pruning": "keep", "hard": "keep", "guard": false}'),
               ('names', 'member', NULL, 'keep', '{"kind": "member", "mode": "user", "soft": "mark", "pruning": "mark", "hard": "keep", "guard": false}'),
               ('short', 'author', NULL, NULL, '{"kind": "author", "mode": "messages", "soft": "mark", "pruning": "mark", "hard": "delete", "guard": true}'),
               ('checked', 'author', NULL, NULL, '{"kind": "author", "mode": "messages", "soft": "mark", "pruning": "mark", "hard": "delete", "guard": true}'),
               ('doc', 'author', '{author}', NULL, '{"kind": "author", "mode": "messages", "soft": "mark", "pruning": "mark", "hard": "delete", "guard": true}'),
               ('doc', 'pointer', '{seen,*}', NULL, '{"kind": "pointer", "mode": "user", "soft": "keep", "pruning": "keep", "hard": "keep", "guard": false}')
       ) AS k (name, kind, path, hard, answer);
SELECT is(stream_bind_table('app.others', 'author', 'author', deleted_column => NULL,
                            children => '{"app.leaves": {"columns": "other", "children": {"app.twigs": {"columns": ["leaf_other", "leaf_n"]}}}}') ->> 'soft',
          'keep', 'children may have children');
SELECT is(stream_bind_table('app.others', 'author', 'author', children => '{"app.leaves": "other"}') ->> 'soft', 'keep', 'bound again with other children');
SELECT is((SELECT count(*) FROM regexp_matches(pg_temp.catalogue(), 'app.twigs', 'g')), 0::bigint, 'these take the place of the former');
SELECT is(stream_bind_table('app.others', 'thing', 'pointer', soft => 'keep') ->> 'hard', 'keep', 'a further column of the table is bound');
SELECT is((SELECT count(*) FROM regexp_matches(pg_temp.catalogue(), 'app.leaves', 'g')), 1::bigint, 'and children that it does not speak of stay');
SELECT is(stream_unbind_table('app.others') - 'duration', '{"relation": "app.others"}', 'a table is unbound');
SELECT is((SELECT count(*) FROM regexp_matches(pg_temp.catalogue(), 'app.(others|leaves)', 'g')), 0::bigint, 'with all its columns, children and trigger');
SELECT is(pg_temp.refusal($$stream_unbind_table('app.others')$$), 'ST016 | table app.others is not bound | relation', 'only once');
SELECT is(pg_temp.refusal($$stream_unbind_table(NULL)$$), 'ST004 | relation must not be null | relation', 'and not without a table');
RESET ROLE;
SELECT is(pg_temp.refusal($$stream_unbind_table('stream.messages')$$), 'ST016 | table stream.messages is not bound | relation',
          'the extension''s own tables can''t be unbound');
SET LOCAL ROLE app_stranger;
SELECT is(pg_temp.refusal($$stream_unbind_table('app.things')$$), '42501 | must be owner of table things', 'nor other people''s');
SET LOCAL ROLE app_owner;
SELECT stream_unbind_table('app.things') \g /dev/null
SELECT is(pg_temp.catalogue(), '', 'unbound, nothing is left of bindings');
RESET ROLE;

-- Guards
SELECT stream_upsert_users('[{"id": "7"}, {"id": "8"}, {"id": "9"}, {"id": "07"}, {"id": "0e4c5ae4-3e4a-4a7f-8b1c-0000000000aa"},
                             {"id": "0E4C5AE4-3E4A-4A7F-8B1C-0000000000AA"}]', false),
       stream_delete_users('{7,0e4c5ae4-3e4a-4a7f-8b1c-0000000000aa}'), stream_deactivate_user('8') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SET LOCAL ROLE app_owner;
CREATE TABLE app.guarded (id integer PRIMARY KEY, n bigint, u uuid, d jsonb, t text, free bigint);
SELECT stream_bind_table('app.guarded', 'n', 'author'), stream_bind_table('app.guarded', 'u', 'member'),
       stream_bind_table('app.guarded', 'd', 'owner', path => '{by,"id, of"}'), stream_bind_table('app.guarded', 't', 'author'),
       stream_bind_table('app.guarded', 'free', 'author', guard => false) \g /dev/null
CREATE FUNCTION app.insert(new_row text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO app.guarded VALUES (%s)', new_row);
END
$$;
SELECT is(pg_temp.refusal(format('app.insert(%L)', new_row)), answer, format('a new row of a guarded table: %s', new_row))
  FROM (VALUES ('1, 7', 'ST017 | user "7" is deleted | n | A superuser can set stream_users.guard_writes to off to load historical data.'),
               ('1, 8', 'ST017 | user "8" is deactivated | n | A superuser can set stream_users.guard_writes to off to load historical data.'),
               ('1, 9), (2, 7', 'ST017 | user "7" is deleted | n | A superuser can set stream_users.guard_writes to off to load historical data.'),
               ('1, NULL, ''0E4C5AE4-3E4A-4A7F-8B1C-0000000000AA''',
                'ST017 | user "0e4c5ae4-3e4a-4a7f-8b1c-0000000000aa" is deleted | u | A superuser can set stream_users.guard_writes to off to load historical data.'),
               ('1, NULL, NULL, ''{"by": {"id, of": "7"}}''',
                'ST017 | user "7" is deleted | d | A superuser can set stream_users.guard_writes to off to load historical data.'),
               ('1, NULL, NULL, NULL, ''8''',
                'ST017 | user "8" is deactivated | t | A superuser can set stream_users.guard_writes to off to load historical data.'),
               ('1, 9, ''0e4c5ae4-3e4a-4a7f-8b1c-0000000000ab'', ''{"by": {"id": "7"}}'', ''0E4C5AE4-3E4A-4A7F-8B1C-0000000000AA'', 7', 'not refused'),
               ('2, NULL, NULL, ''[7]'', ''07'', 8', 'not refused'), ('3, 70', 'not refused')) AS v (new_row, answer);
RESET ROLE;
SET LOCAL stream_users.guard_writes = off;
SELECT is(pg_temp.refusal($$app.insert('4, 7')$$), 'not refused', 'a superuser loads historical data with the guard off');
SET LOCAL stream_users.guard_writes = on;
SET LOCAL ROLE app_owner;
SELECT is(stream_bind_table('app.guarded', 'n', 'author', guard => false) -> 'guard', 'false', 'a guard is taken back by binding without it');
SELECT is(pg_temp.refusal($$app.insert('5, 7')$$), 'not refused', 'then the column may name anybody');
SELECT alike(pg_temp.refusal($$app.insert('6, 7, NULL, NULL, ''7''')$$), '%user "7" is deleted | t |%', 'and the other guards hold');
ALTER TABLE app.guarded DROP COLUMN t;
SELECT is(pg_temp.refusal($$app.insert('7, 9')$$),
          '55000 | column "t" of table "guarded" is guarded, and does not exist any more | Unbind the table, or bind it again as it is now.',
          'a guard whose column is gone says what to do');
ALTER TABLE app.guarded ALTER COLUMN u TYPE bytea USING NULL, ADD COLUMN t text;
SELECT is(pg_temp.refusal($$app.insert('7, 9')$$),
          '55000 | column "u" of table "guarded" is guarded, and has a type that can''t hold users'' ids | Unbind the table, or bind it again as it is now.',
          'so does one whose column has another type now');
SELECT stream_unbind_table('app.guarded') \g /dev/null
SELECT is(pg_temp.refusal($$app.insert('7, 7')$$), 'not refused', 'unbound, a table is guarded no more');

-- Restore brings back whole rows, and just those that the deletion marked.
CREATE TABLE app.plain (id integer PRIMARY KEY, author text, title text, hidden boolean);              -- stream.marks remembers
CREATE TABLE app.own_task (id integer, part text, author text, at timestamptz, by uuid, PRIMARY KEY (part, id)); -- its own column does
CREATE TABLE app.both (id integer PRIMARY KEY, author text, reader text, gone timestamp);                  -- two users a row
CREATE INDEX ON app.plain (author);
CREATE INDEX ON app.own_task (author);
SELECT stream_bind_table('app.plain', 'author', 'author', deleted_column => 'hidden'),
       stream_bind_table('app.own_task', 'author', 'author', deleted_column => 'at', task_column => 'by'),
       stream_bind_table('app.both', 'author', 'author', deleted_column => 'gone'),
       stream_bind_table('app.both', 'reader', 'personal') \g /dev/null
RESET ROLE;
SELECT stream_upsert_users('[{"id": "ann"}, {"id": "ben"}, {"id": "cat"}]', false) \g /dev/null
INSERT INTO app.plain SELECT n, u, 'text', CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END
  FROM generate_series(1, 30) AS n, LATERAL (SELECT (ARRAY['ann', 'ben', 'cat'])[1 + n % 10 / 4]) AS a (u);
INSERT INTO app.own_task SELECT n, 'p', u, CASE n % 3 WHEN 0 THEN timestamptz '2024-02-02' END, CASE n % 6 WHEN 0 THEN gen_random_uuid() END
  FROM generate_series(1, 30) AS n, LATERAL (SELECT (ARRAY['ann', 'ben', 'cat'])[1 + n % 10 / 4]) AS a (u);
INSERT INTO app.both SELECT n, (ARRAY['ann', 'ben', 'cat'])[1 + n % 3], (ARRAY['ann', 'ben', 'cat'])[1 + n / 3 % 3] FROM generate_series(1, 18) AS n;
CREATE FUNCTION pg_temp.watched_tables() RETURNS SETOF regclass LANGUAGE sql AS $$
    SELECT unnest('{app.plain,app.own_task,app.both}'::regclass[])
$$;
\ir lib/everything.sql
CREATE TEMPORARY TABLE before AS SELECT * FROM pg_temp.everything();
-- A flag that was null comes back as false: what is not deleted either way.
CREATE FUNCTION pg_temp.unlike_before() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', relation, key, a.contents), E'\n' ORDER BY relation, key)
      FROM before AS b FULL JOIN pg_temp.everything() AS a USING (relation, key)
     WHERE (b.contents || CASE WHEN b.contents -> 'hidden' = 'null' THEN '{"hidden": false}' ELSE '{}' END::jsonb)
           IS DISTINCT FROM (a.contents || CASE WHEN a.contents -> 'hidden' = 'null' THEN '{"hidden": false}' ELSE '{}' END::jsonb)
$$;
CREATE FUNCTION pg_temp.marked(of_user text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM pg_temp.everything() AS e JOIN before AS b USING (relation, key)
     WHERE of_user IN (e.contents ->> 'author', e.contents ->> 'reader') AND e.contents IS DISTINCT FROM b.contents
$$;
SET LOCAL stream_users.chunk_rows = 3;
SELECT stream_delete_users('{ann}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.marked('ann'), 2 * (SELECT count(*) FROM app.plain WHERE author = 'ann' AND id % 3 > 0) + 10, 'a soft deletion marks rows of bound tables');
SELECT stream_restore_users('{ann}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.unlike_before(), NULL, 'a restore brings back whole rows, and none that the application had deleted');
SELECT is((SELECT count(*) FROM stream.marks), 0::bigint, 'and stream.marks forgets them');

SELECT stream_delete_users('{ann}'), stream_delete_users('{ben}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_restore_users('{ben}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT count(*) FROM app.both WHERE (author, reader) IN (('ann', 'ben'), ('ben', 'ann')) AND gone IS NULL), 0::bigint,
          'rows of two deleted users stay marked while the one whose deletion marked them is deleted');
SELECT is((SELECT count(*) FROM app.both WHERE 'ann' NOT IN (author, reader) AND gone IS NOT NULL), 0::bigint, 'rows of the other come back');
SELECT stream_restore_users('{ann}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.unlike_before(), NULL, 'when both are back, all is');

SELECT stream_deactivate_user('ann', mark_messages_deleted => true) \g /dev/null
SELECT is((SELECT count(*) FROM app.plain WHERE author = 'ann' AND hidden IS NOT TRUE), 0::bigint, 'a deactivation marks what messages_mode governs');
SELECT is((SELECT count(*) FROM app.both WHERE reader = 'ann' AND author <> 'ann' AND gone IS NOT NULL), 0::bigint, 'and nothing else');
SELECT stream_delete_users('{ann}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_restore_users('{ann}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT count(*) FROM app.plain WHERE author = 'ann' AND hidden IS NOT TRUE), 0::bigint,
          'a restore leaves what the deactivation before it had marked');
SELECT stream_reactivate_user('ann', restore_messages => true) \g /dev/null
SELECT is(pg_temp.unlike_before(), NULL, 'the reactivation brings that back');

-- Progress: a task's total is what it does in the end.
SELECT stream_delete_users('{ann,ben}') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT ROW(done, total, percent) FROM stream.task_progress WHERE task_id = :'task'),
          (SELECT ROW(n, n, 100.0) FROM (SELECT sum(v::bigint)::bigint AS n
                                           FROM jsonb_each(stream_get_task(:'task') #> '{result,counts}') AS t (k, modes), jsonb_each_text(modes) AS m (mode, v)) AS s),
          'rows of bound tables count in a task''s progress');

-- Attachments of an application's rows are files too.
SET LOCAL ROLE app_owner;
CREATE TABLE app.pictures (id integer PRIMARY KEY, author text, files jsonb);
CREATE INDEX ON app.pictures (author);
SELECT stream_bind_table('app.pictures', 'author', 'author', attachments_column => 'files') \g /dev/null
INSERT INTO app.pictures VALUES (1, 'cat', '[{"image_url": "http://1"}, {"image_url": "http://both"}]'), (2, 'dan', '[{"asset_url": "http://both"}]');
RESET ROLE;
SELECT stream_delete_users('{cat}', NULL, 'hard', NULL, NULL, files => true) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_get_task(:'task') #> '{result,files}', '["http://1"]', 'files of bound tables are listed once nothing refers to them');

SELECT * FROM finish();
ROLLBACK;
