-- What a user can take along: everything bound tables hold of the user, and nothing that is others'.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql
\ir lib/world.sql

CREATE SCHEMA app;
CREATE TABLE app."the notes" (id uuid DEFAULT gen_random_uuid(), n integer, "by" text, readers text[] DEFAULT '{}', body text,
                              PRIMARY KEY (id, n));
CREATE INDEX ON app."the notes" ("by", id, n);
CREATE INDEX ON app."the notes" USING gin (readers);
CREATE TABLE app.drafts (id bigint PRIMARY KEY, doc jsonb);
CREATE INDEX ON app.drafts ((doc #>> '{writer,id}'));
INSERT INTO app."the notes" (n, "by", readers, body)
SELECT i, (ARRAY['ann', 'ben'])[1 + i % 2], '{ann}', repeat('note ', 10) || i FROM generate_series(1, 40) AS i;
INSERT INTO app.drafts VALUES (1, '{"writer": {"id": "ann"}}'), (2, '{"writer": {"id": "ben"}}');
SELECT stream_bind_table('app."the notes"', 'by', 'author');
SELECT stream_bind_table('app."the notes"', 'readers', 'pointer');
SELECT stream_bind_table('app.drafts', 'doc', 'author', path => '{writer,id}');

SELECT plan(33);

CREATE TEMP TABLE export AS SELECT stream_export_user('ann') AS e;
SELECT is(e -> 'user', stream_get_user('ann') - 'duration', 'the export has the user object') FROM export;
SELECT matches(e ->> 'duration', '^\d+\.\d\dms$', 'and says how long it took') FROM export;

-- Each table by an independent statement
CREATE TEMP TABLE wanted (name text, rows text);
INSERT INTO wanted VALUES
    ('messages', $$SELECT t FROM stream.messages t WHERE user_id = 'ann'$$),
    ('reactions', $$SELECT t FROM stream.reactions t WHERE user_id = 'ann'$$),
    ('reads', $$SELECT t FROM stream.reads t WHERE user_id = 'ann'$$),
    ('flags', $$SELECT t FROM stream.flags t WHERE user_id = 'ann'$$),
    ('channels', $$SELECT t FROM stream.channels t WHERE created_by_id = 'ann'$$),
    ('channel_members', $$SELECT t FROM stream.channel_members t WHERE user_id = 'ann'$$),
    ('channel_mutes', $$SELECT t FROM stream.channel_mutes t WHERE user_id = 'ann'$$),
    ('user_mutes', $$SELECT t FROM stream.user_mutes t WHERE user_id = 'ann'$$),
    ('blocks', $$SELECT t FROM stream.blocks t WHERE user_id = 'ann'$$),
    ('bans', $$SELECT t FROM stream.bans t WHERE target_user_id = 'ann'$$),
    ('devices', $$SELECT t FROM stream.devices t WHERE user_id = 'ann'$$),
    ('feeds', $$SELECT t FROM stream.feeds t WHERE created_by_id = 'ann'$$),
    ('activities', $$SELECT t FROM stream.activities t WHERE user_id = 'ann'$$),
    ('comments', $$SELECT t FROM stream.comments t WHERE user_id = 'ann'$$),
    ('feed_reactions', $$SELECT t FROM stream.feed_reactions t WHERE user_id = 'ann'$$),
    ('bookmarks', $$SELECT t FROM stream.bookmarks t WHERE user_id = 'ann'$$),
    ('calls', $$SELECT t FROM stream.calls t WHERE created_by_id = 'ann'$$),
    ('call_members', $$SELECT t FROM stream.call_members t WHERE user_id = 'ann'$$),
    ('call_participants', $$SELECT t FROM stream.call_participants t WHERE user_id = 'ann'$$),
    ('app."the notes"', $$SELECT t FROM app."the notes" t WHERE "by" = 'ann'$$),
    ('app.drafts', $$SELECT t FROM app.drafts t WHERE id = 1$$);

-- The rows of every table, sorted, as the statements above find them.
CREATE FUNCTION pg_temp.wanted_rows() RETURNS TABLE (name text, content jsonb) LANGUAGE plpgsql AS $$
DECLARE
    w record;
BEGIN
    FOR w IN SELECT * FROM wanted LOOP
        RETURN QUERY EXECUTE format('SELECT %L, to_jsonb(t) FROM (%s) AS r (t)', w.name, w.rows);
    END LOOP;
END
$$;
SELECT set_eq($$SELECT k FROM export, jsonb_object_keys(e) AS k$$,
              $$SELECT name FROM wanted UNION VALUES ('user'), ('duration')$$,
              'every bound table is in the export, the application''s by their full names, and nothing else');
SELECT ok((SELECT bool_and(rows > 0) FROM (SELECT name, count(r.content) AS rows FROM wanted LEFT JOIN pg_temp.wanted_rows() AS r USING (name)
                                           GROUP BY name) AS c), 'the world has rows of each table');
SELECT bag_eq($$SELECT t.key, r FROM export, jsonb_each(e - '{user,duration}'::text[]) AS t, jsonb_array_elements(t.value) AS r$$,
              $$SELECT * FROM pg_temp.wanted_rows()$$, 'each table holds exactly the user''s rows, whole, each once');
SELECT is(stream_export_user('nora') - '{user,duration}'::text[],
          (SELECT jsonb_object_agg(name, '[]'::jsonb) FROM wanted), 'tables without rows are empty arrays');

-- The same, row by row
SELECT bag_eq($$SELECT regexp_replace(relation, '^stream\.', ''), content FROM stream_export_user_rows('ann') WHERE relation <> 'stream.users'$$,
              $$SELECT * FROM pg_temp.wanted_rows()$$, 'row by row it is the same rows');
SELECT is((SELECT ARRAY[relation, content::text] FROM stream_export_user_rows('ann') LIMIT 1),
          ARRAY['stream.users', (stream_get_user('ann') - 'duration')::text], 'the user object comes first');
SELECT is((SELECT array_agg(content ->> 'n' ORDER BY place) FROM stream_export_user_rows('ann') WITH ORDINALITY AS e (relation, content, place)
            WHERE relation = 'app."the notes"'),
          (SELECT array_agg(n::text ORDER BY id, n) FROM app."the notes" WHERE "by" = 'ann'), 'the rows of a table are in the order of its key');
SELECT is((SELECT array_agg(r ->> 'n' ORDER BY place) FROM export, jsonb_array_elements(e -> 'app."the notes"') WITH ORDINALITY AS t (r, place)),
          (SELECT array_agg(n::text ORDER BY id, n) FROM app."the notes" WHERE "by" = 'ann'), 'as they are in the export as one value');
SELECT pg_temp.refused($$SELECT stream_export_user_rows('nobody')$$, 'ExportUser', 16, 'id', 'nobody', 'an unknown user has no rows to export');
SELECT pg_temp.refused($$SELECT stream_export_user_rows(NULL)$$, 'ExportUser', 4, 'id', NULL, 'nor has null');

SELECT pg_temp.refused($$SELECT stream_export_user('nobody')$$, 'ExportUser', 16, 'id', 'nobody', 'an unknown user is refused');
SELECT pg_temp.refused($$SELECT stream_export_user(NULL)$$, 'ExportUser', 4, 'id', NULL, 'so is null');

-- Many, by a task
SELECT pg_temp.refused($$SELECT stream_export_users('{}')$$, 'ExportUsers', 4, 'ids', NULL, 'an export of nobody is refused');
SELECT pg_temp.refused($$SELECT stream_export_users('{ann,nobody}')$$, 'ExportUsers', 16, 'ids[1]', 'nobody', 'so is one of an unknown user');
SET stream_users.chunk_rows = 7;
CREATE TEMP TABLE bulk AS SELECT (stream_export_users('{ben,ann}') ->> 'task_id')::uuid AS task;
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.ended(task::text), 'completed', 'an export of two users in small chunks completes') FROM bulk;
SELECT bag_eq($$SELECT regexp_replace(relation, '^stream\.', ''), content FROM bulk, stream_get_export(task, 'ann') WHERE relation <> 'stream.users'$$,
              $$SELECT * FROM pg_temp.wanted_rows()$$, 'it has the same rows of a user as the export of that one');
SELECT is(content, stream_get_user('ann') - 'duration', 'and the user object')
  FROM bulk, stream_get_export(task, 'ann') WHERE relation = 'stream.users';
SELECT set_eq($$SELECT DISTINCT owner_id FROM bulk, stream_get_export(task)$$, ARRAY['ann', 'ben'], 'it holds both users');
SELECT results_eq($$SELECT owner_id, relation FROM bulk, stream_get_export(task)$$,
                  $$SELECT owner_id, relation FROM bulk, stream_get_export(task) ORDER BY owner_id COLLATE "C", relation COLLATE "C"$$,
                  'ordered by user and table');
SELECT is((SELECT sum(n.value::bigint) FROM bulk, jsonb_each(stream_get_task(task) #> '{result,counts}') AS t, jsonb_each_text(t.value) AS n),
          (SELECT count(*) FROM bulk, stream_get_export(task))::numeric, 'the task counts the rows it has collected');
SELECT is(stream_get_task(task) #>> '{progress,percent}', '100.0', 'and its progress ends at 100') FROM bulk;
SELECT is_empty($$SELECT FROM stream_get_export(gen_random_uuid())$$, 'an unknown task has collected nothing');

-- It is personal data itself
SELECT stream_delete_users('{ann}');
CALL stream_run_tasks(until_idle => true);
SELECT isnt_empty($$SELECT FROM bulk, stream_get_export(task, 'ann')$$, 'a soft deletion leaves exports');
SELECT is(e -> 'user' -> 'deleted_at', stream_get_user('ann', true) -> 'deleted_at', 'a deleted user can be exported')
  FROM stream_export_user('ann') AS e;
SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard');
CALL stream_run_tasks(until_idle => true);
SELECT is_empty($$SELECT FROM stream.export_rows WHERE user_id = 'ann'$$, 'a hard deletion takes them with the user');
SELECT isnt_empty($$SELECT FROM bulk, stream_get_export(task, 'ben')$$, 'and leaves those of others');
SELECT stream_delete_users('{ben}', 'pruning', 'soft');
CALL stream_run_tasks(until_idle => true);
SELECT is_empty($$SELECT FROM stream.export_rows WHERE user_id = 'ben'$$, 'so does pruning');

-- Read with the rights of the table's owner
CREATE ROLE export_owner;
GRANT USAGE, CREATE ON SCHEMA app TO export_owner;
SET ROLE export_owner;
CREATE TYPE app.nasty AS ENUM ('nasty');
CREATE FUNCTION app.spy(app.nasty) RETURNS json LANGUAGE sql AS 'SELECT to_json(current_user::text)';
RESET ROLE;
CREATE CAST (app.nasty AS json) WITH FUNCTION app.spy(app.nasty);
CREATE TABLE app.spied (id integer PRIMARY KEY, who text, thing app.nasty);
CREATE INDEX ON app.spied (who, id);
ALTER TABLE app.spied OWNER TO export_owner;
INSERT INTO app.spied VALUES (1, 'cat', 'nasty');
SELECT stream_bind_table('app.spied', 'who', 'personal');
SELECT is(stream_export_user('cat') #>> '{app.spied,0,thing}', 'export_owner', 'code of a table''s owner runs with that owner''s rights');
INSERT INTO bulk SELECT (stream_export_users('{cat}') ->> 'task_id')::uuid;
CALL stream_run_tasks(until_idle => true);
SELECT is(content ->> 'thing', 'export_owner', 'also in a task') FROM bulk, stream_get_export(task) WHERE relation = 'app.spied';

SELECT ok(stream_export_user('cat') ? 'app.spied', 'a bound table is in exports unless its binding says otherwise');
SELECT stream_bind_table('app.spied', 'who', 'personal', export => false);
SELECT ok(NOT stream_export_user('cat') ? 'app.spied', 'and left out when it does');

SELECT * FROM finish();
ROLLBACK;
