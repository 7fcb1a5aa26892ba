-- Rows whose author is deleted or deactivated are refused on insert.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql
\ir lib/world.sql

CREATE OR REPLACE FUNCTION pg_temp.contents() RETURNS text LANGUAGE sql AS 'SELECT pg_temp.everything_and_queue()';

-- One user for each way to be out: asked for, and (but for erasing) brought to its end.
SELECT stream_upsert_users('[{"id":"soft"},{"id":"pruned"},{"id":"erased"},{"id":"erasing"},{"id":"marked"},{"id":"away"}]') \g /dev/null
SELECT stream_delete_users('{soft}'), stream_delete_users('{pruned}', 'pruning', 'pruning'), stream_deactivate_user('away'),
       stream_delete_users('{erased}', 'hard', 'hard', 'hard', 'hard') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_delete_users('{erasing}', 'hard', 'hard', 'hard', 'hard'), stream_delete_users('{marked}') \g /dev/null

-- Each product table with an author: the column, and two rows by the authors %1$L and %2$L.
CREATE TEMPORARY TABLE inserts (n integer GENERATED ALWAYS AS IDENTITY, relation regclass, author text, insert text);
INSERT INTO inserts (relation, author, insert) VALUES
    ('stream.channels', 'created_by_id', '(type, id, created_by_id) VALUES (''g'', ''1'', %1$L), (''g'', ''2'', %2$L)'),
    ('stream.channel_members', 'user_id', '(cid, user_id) VALUES (''g:1'', %1$L), (''g:1'', %2$L)'),
    ('stream.messages', 'user_id', '(cid, user_id, text) VALUES (''g:1'', %1$L, ''x''), (''g:1'', %2$L, ''y'')'),
    ('stream.reactions', 'user_id', '(cid, message_id, user_id, type) VALUES (''g:1'', ''m'', %1$L, ''like''), (''g:1'', ''m'', %2$L, ''like'')'),
    ('stream.reads', 'user_id', '(cid, user_id) VALUES (''g:1'', %1$L), (''g:1'', %2$L)'),
    ('stream.flags', 'user_id', '(entity_type, entity_id, user_id) VALUES (''message'', ''m'', %1$L), (''message'', ''m'', %2$L)'),
    ('stream.feeds', 'created_by_id', '(group_id, id, created_by_id) VALUES (''g'', ''1'', %1$L), (''g'', ''2'', %2$L)'),
    ('stream.activities', 'user_id', '(fid, user_id) VALUES (''g:1'', %1$L), (''g:1'', %2$L)'),
    ('stream.comments', 'user_id', '(activity_id, user_id) VALUES (''p'', %1$L), (''p'', %2$L)'),
    ('stream.feed_reactions', 'user_id', '(activity_id, user_id, type) VALUES (''p'', %1$L, ''like''), (''p'', %2$L, ''like'')'),
    ('stream.bookmarks', 'user_id', '(user_id, activity_id) VALUES (%1$L, ''p''), (%2$L, ''p'')'),
    ('stream.calls', 'created_by_id', '(type, id, created_by_id) VALUES (''g'', ''1'', %1$L), (''g'', ''2'', %2$L)'),
    ('stream.call_members', 'user_id', '(call_cid, user_id) VALUES (''g:1'', %1$L), (''g:1'', %2$L)'),
    ('stream.call_participants', 'user_id', '(session_id, user_id) VALUES (''s'', %1$L), (''s'', %2$L)');

-- The rows of a table by an author.
CREATE FUNCTION pg_temp.rows_by(relation regclass, author text, id text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s WHERE %I = %L', relation, author, id) INTO n;
    RETURN n;
END
$$;

SELECT plan(14 * 9 + 21);

SELECT pg_temp.refused(format('INSERT INTO %s ', relation) || format(insert, 'nora', id), 'Insert', 17, author, id,
                       format('a row by %s is refused in %s', who, relation))
  FROM inserts, (VALUES (1, 'away', 'a deactivated user'), (2, 'soft', 'a soft-deleted user'), (3, 'pruned', 'a pruned user'),
                        (4, 'marked', 'a user whose deletion has not begun'),
                        (5, 'erasing', 'a user being hard-deleted')) AS u (m, id, who)
 ORDER BY n, m;

SAVEPOINT world;
SELECT lives_ok(format('INSERT INTO %s ', relation) || format(insert, 'nora', 'eve'), format('rows by live users are taken in %s', relation))
  FROM inserts ORDER BY n;
SELECT is(ARRAY[pg_temp.rows_by(relation, author, 'nora'), pg_temp.rows_by(relation, author, 'eve')] , '{1,1}',
          format('and are there in %s', relation))
  FROM inserts ORDER BY n;
ROLLBACK TO world;
SELECT lives_ok(format('INSERT INTO %s ', relation) || format(insert, 'erased', 'never-seen'),
                format('rows by users whom stream.users doesn''t know are taken in %s', relation))
  FROM inserts ORDER BY n;
ROLLBACK TO world;

SET LOCAL stream_users.guard_writes = off;
SELECT lives_ok(format('INSERT INTO %s ', relation) || format(insert, 'away', 'soft'),
                format('with the guard off historical rows are taken in %s', relation))
  FROM inserts ORDER BY n;
ROLLBACK TO world;

-- Ways to insert
SELECT pg_temp.refused($$INSERT INTO stream.messages (cid, user_id)
                         SELECT 'g:1', CASE n WHEN 777 THEN 'soft' ELSE 'eve' END FROM generate_series(1, 1000) AS n$$,
                       'Insert', 17, 'user_id', 'soft', 'one refused row among a thousand refuses them all');
SELECT pg_temp.refused($$COPY stream.messages (cid, user_id) FROM PROGRAM 'printf "g:1,eve\\ng:1,away\\n"' (FORMAT csv)$$,
                       'Insert', 17, 'user_id', 'away', 'COPY is refused too');
SELECT lives_ok($$COPY stream.messages (cid, user_id) FROM PROGRAM 'printf "g:1,eve\\ng:1,nora\\n"' (FORMAT csv)$$,
                'COPY of live users'' rows is taken');
SELECT pg_temp.refused($$WITH m AS (INSERT INTO stream.messages (cid, user_id) VALUES ('g:1', 'soft') RETURNING id) SELECT * FROM m$$,
                       'Insert', 17, 'user_id', 'soft', 'an INSERT inside a query is refused too');
SELECT pg_temp.refused($$INSERT INTO stream.reads (cid, user_id) VALUES ('g:1', 'soft')
                         ON CONFLICT (cid, user_id) DO UPDATE SET last_read = now()$$,
                       'Insert', 17, 'user_id', 'soft', 'an upsert that inserts is refused too');
SELECT pg_temp.refused($$MERGE INTO stream.reads AS r USING (VALUES ('g:1', 'soft')) AS n (cid, user_id) ON r.cid = n.cid
                         WHEN NOT MATCHED THEN INSERT (cid, user_id) VALUES (n.cid, n.user_id)$$,
                       'Insert', 17, 'user_id', 'soft', 'so is MERGE');
SELECT lives_ok($$INSERT INTO stream.messages (cid, user_id) VALUES ('g:1', NULL)$$, 'a row without an author is taken');
SELECT lives_ok($$INSERT INTO stream.messages (cid, user_id) SELECT 'g:1', 'soft' WHERE false$$, 'an INSERT of no rows is taken');
SELECT lives_ok($$INSERT INTO stream.messages (cid, user_id, mentioned_user_ids, pinned_by_id) VALUES ('g:1', 'eve', '{soft,away}', 'soft')$$,
                'a row that only mentions a deleted user is taken');
SELECT lives_ok($$UPDATE stream.messages SET text = 'edited' WHERE id = 'ac1'$$, 'rows that are there can be updated');
ROLLBACK TO world;
SELECT stream_deactivate_user('ann') \g /dev/null
SELECT lives_ok($$UPDATE stream.messages SET text = 'edited' WHERE user_id = 'ann'$$, 'those of a deactivated user too');
SELECT pg_temp.refused($$INSERT INTO stream.messages (cid, user_id) VALUES ('g:1', 'ann')$$, 'Insert', 17, 'user_id', 'ann',
                       'a user is refused from the deactivation on');
SELECT stream_reactivate_user('ann') \g /dev/null
SELECT lives_ok($$INSERT INTO stream.messages (cid, user_id) VALUES ('g:1', 'ann')$$, 'and taken from the reactivation on');
SELECT stream_delete_users('{ann}', NULL, 'soft') \g /dev/null
SELECT lives_ok($$INSERT INTO stream.messages (cid, user_id) VALUES ('g:1', 'ann')$$, 'a user of whom only data is deleted can go on writing');
SELECT throws_like($$INSERT INTO stream.messages (cid, user_id) VALUES ('g:1', 'soft')$$, '%user "soft" is deleted%', 'the message says deleted');
SELECT throws_like($$INSERT INTO stream.messages (cid, user_id) VALUES ('g:1', 'away')$$, '%user "away" is deactivated%', 'or deactivated');
ROLLBACK TO world;

-- A role without any right on users
CREATE ROLE stream_guard_plain;
GRANT USAGE ON SCHEMA stream TO stream_guard_plain;
GRANT INSERT ON stream.messages TO stream_guard_plain;
CREATE FUNCTION pg_temp.as_plain(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE stream_guard_plain;
    EXECUTE statement;
    RESET ROLE;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.as_plain($$INSERT INTO stream.messages (cid, user_id) VALUES ('g:1', 'eve')$$), 'done',
          'a role that may only insert messages can write for a live user');
SELECT is(pg_temp.as_plain($$INSERT INTO stream.messages (cid, user_id) VALUES ('g:1', 'soft')$$), 'ST017',
          'the guard refuses its rows by a deleted user');
SELECT is(pg_temp.as_plain('SET stream_users.guard_writes = off'), '42501', 'it can''t turn the guard off');
SELECT is(pg_temp.as_plain('SET LOCAL stream_users.guard_writes = off'), '42501', 'not even for a transaction');
SELECT is(pg_temp.as_plain($$SELECT set_config('stream_users.guard_writes', 'off', true)$$), '42501', 'nor by a function');

SELECT * FROM finish();
ROLLBACK;
