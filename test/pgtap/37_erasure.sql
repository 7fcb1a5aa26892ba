-- Proof of erasure: what stream_verify_erasure finds, that nothing is left after a hard deletion, what
-- the ledger remembers, and that users whom an older backup brought back are erased again.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
CREATE EXTENSION IF NOT EXISTS stream_users_pgtap;
RESET client_min_messages;
\ir lib/refused.sql
\ir lib/world.sql

SELECT * FROM no_plan();

CREATE FUNCTION pg_temp.proof(id text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT COALESCE(jsonb_object_agg(relation || '.' || column_name, rows), '{}') FROM stream_verify_erasure(id)
$$;

-- What the proof finds

-- The same by another way: every row in which a bound column has the id, counted one by one.
CREATE FUNCTION pg_temp.counted(id text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    b record;
    n bigint;
    found jsonb := '{}';
BEGIN
    FOR b IN SELECT relation, user_column, match_column, match_value FROM stream.bindings
             UNION ALL SELECT 'stream.users', 'id', NULL, NULL LOOP
        EXECUTE format('SELECT count(*) FROM %s AS t WHERE (to_jsonb(t) -> %L = to_jsonb($1) OR to_jsonb(t) -> %2$L ? $1)%s',
                       b.relation, b.user_column,
                       CASE WHEN b.match_column IS NOT NULL THEN format(' AND %I = %L', b.match_column, b.match_value) END)
           INTO n USING id;
        IF n > 0 THEN
            found := found || jsonb_build_object(b.relation::text || '.' || b.user_column, n);
        END IF;
    END LOOP;
    RETURN found;
END
$$;
SELECT is(pg_temp.proof(id), pg_temp.counted(id), format('all rows that name %s are found, and no other', id))
  FROM unnest('{ann,ben,cat,zoe,nora,nobody}'::text[]) AS id;
SELECT no_trace_of('nobody', 'an id that nothing holds has no row at all');
SELECT is((SELECT array_agg(relation::text || column_name ORDER BY n) FROM stream_verify_erasure('ann') WITH ORDINALITY AS v (relation, column_name, rows, n)),
          (SELECT array_agg(relation::text || column_name ORDER BY relation::text COLLATE "C", column_name COLLATE "C") FROM stream_verify_erasure('ann')),
          'the rows come by table and column');
SELECT pg_temp.refused('SELECT stream_verify_erasure(NULL)', 'VerifyErasure', 4, 'id', NULL, 'a null id is refused');

-- A row planted in each bound column alone, for an id that is no user.
CREATE FUNCTION pg_temp.planted(b stream.bindings) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    columns text;
    contents text;
    proof jsonb;
BEGIN
    SELECT string_agg(quote_ident(a.attname), ', '),
           string_agg(CASE WHEN a.attname = b.user_column THEN CASE WHEN a.atttypid = 'text[]'::regtype THEN '''{other,ghost}''' ELSE '''ghost''' END
                           WHEN a.attname = b.match_column THEN quote_literal(b.match_value)
                           WHEN a.attname IN ('cid', 'call_cid', 'fid') THEN '''x:y'''
                           WHEN a.attname = 'entity_type' THEN '''message'''
                           WHEN a.attname = 'push_provider' THEN '''apn'''
                           WHEN a.atttypid IN ('text[]'::regtype, 'jsonb'::regtype) THEN '''{}'''
                           WHEN a.atttypid = 'uuid'::regtype THEN quote_literal(gen_random_uuid())
                           ELSE '''other''' END, ', ')
      INTO columns, contents
      FROM pg_attribute AS a
     WHERE a.attrelid = b.relation AND a.attnum > 0 AND NOT a.attisdropped
       AND (a.attname IN (b.user_column, b.match_column) OR (a.attnotnull AND NOT a.atthasdef));
    BEGIN
        EXECUTE format('INSERT INTO %s (%s) VALUES (%s)', b.relation, columns, contents);
        proof := pg_temp.proof('ghost');
        RAISE EXCEPTION USING ERRCODE = 'ZZ000';
    EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
        RETURN proof;
    END;
END
$$;
SELECT is(pg_temp.planted(b), jsonb_build_object(b.relation::text || '.' || b.user_column, 1),
          format('what is left in %s.%s is found, and nothing else', b.relation, b.user_column))
  FROM stream.bindings AS b ORDER BY b.relation::text, b.user_column;

-- The extension's own tables hold ids too.
SAVEPOINT own;
SELECT stream_deactivate_users('{dan}', created_by_id => 'cat'),
       stream_delete_users('{ben}', 'hard', 'hard', 'hard', 'hard', new_owner => 'cat', new_call_owner => 'eve'),
       stream_hold_user('nora', 'court') \g /dev/null
SELECT is(ARRAY[pg_temp.proof('dan') -> 'stream.task_users.user_id', pg_temp.proof('cat') -> 'stream.tasks.params',
                pg_temp.proof('eve') -> 'stream.tasks.params', pg_temp.proof('nora') -> 'stream.holds.user_id'],
          ARRAY['1', '2', '1', '1']::jsonb[], 'the queue and the holds are searched');
UPDATE stream.tasks SET cursor = '{"step": 1, "driver": "dan", "key": ["x:y", "eve"], "found": 0}',
                        error = '{"type": "ST004", "description": "user \"nora\" is odd"}' WHERE kind = 'deactivate_users';
SELECT is(ARRAY[pg_temp.proof('dan') -> 'stream.tasks.cursor', pg_temp.proof('eve') -> 'stream.tasks.cursor',
                pg_temp.proof('nora') -> 'stream.tasks.error'],
          ARRAY['1', '1', '1']::jsonb[], 'so are the places where tasks stand, and why they failed');
ROLLBACK TO own;

-- Nothing is left after a hard deletion.
SELECT stream_deactivate_users('{dan}', created_by_id => 'ann') \g /dev/null
CALL stream_run_tasks(until_idle => true);
-- Tasks that others were asked for, or that failed, and name ann and ben.
SELECT stream_delete_users('{ben,ann}', 'soft') ->> 'task_id' AS failed \gset
SELECT stream_cancel_task(:'failed') \g /dev/null
UPDATE stream.tasks SET status = 'failed', error = '{"type": "XX000", "description": "user \"ann\" is odd", "step": "x"}',
       cursor = '{"step": 2, "driver": "ann", "key": ["x", "ben"], "found": 0}' WHERE id = :'failed';
SELECT stream_deactivate_users('{eve}', created_by_id => 'cat') ->> 'task_id' AS pending \gset
UPDATE stream.tasks SET params = params || '{"created_by_id": "ann"}' WHERE id = :'pending';
SELECT stream_delete_users('{ann,ben}', 'hard', 'hard', 'hard', 'hard') ->> 'task_id' AS erased \gset
SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL) \g /dev/null
SELECT task_completes(:'erased', description => 'ann and ben are erased');
SELECT no_trace_of(id, format('after a completed hard deletion nothing holds the id of %s, whatever tasks there were', id))
  FROM unnest('{ann,ben}'::text[]) AS id;
SELECT is((SELECT deactivated_by_id FROM stream.users WHERE id = 'eve'), NULL,
          'nor does what a task that named an erased user does afterwards');
SELECT is((SELECT error ->> 'type' FROM stream.tasks WHERE id = :'failed'), 'XX000', 'a failed task still says what kind of error it was');
SELECT is(stream_retry_task(:'failed') ->> 'status', 'pending', 'a failed task whose users have been erased may be retried');
CALL stream_run_tasks(until_idle => true);
SELECT is(ARRAY[pg_temp.ended(:'failed'), stream_get_task(:'failed') #>> '{result,counts}'], '{completed,"{}"}',
          'and finds nothing to do');

-- The ledger
SELECT is((SELECT array_agg(ARRAY[user_mode, messages_mode, conversations_mode, calls_mode]) FROM stream.erasures WHERE task_id = :'erased'),
          '{{hard,hard,hard,hard},{hard,hard,hard,hard}}', 'the ledger has a row for each user with the modes of the call');
SELECT is((SELECT count(*) FROM stream.erasures
            WHERE task_id = :'erased' AND hash IN (SELECT sha256(salt || convert_to(id, 'UTF8')) FROM unnest('{ann,ben}'::text[]) AS id)),
          2::bigint, 'which it knows by the salted hash of its id');
SELECT is((SELECT array_agg(DISTINCT counts) FROM stream.erasures WHERE task_id = :'erased'),
          ARRAY[stream_get_task(:'erased') #> '{result,counts}'], 'with the counts that the task reports');
SELECT is_empty($$SELECT FROM stream.erasures AS e WHERE e::text ~ '\m(ann|ben)\M'$$, 'and without the id');
SELECT is((SELECT array_agg(octet_length(salt)) FROM (SELECT DISTINCT salt FROM stream.erasures) AS s), '{32}', 'all rows share one salt of 32 bytes');
SELECT is((SELECT count(*) FROM stream.erasures WHERE erased_at < requested_at), 0::bigint, 'nothing is erased before it is asked for');

SELECT stream_delete_users('{cat}', 'pruning', 'soft') ->> 'task_id' AS pruned \gset
SELECT stream_delete_users('{dan}', NULL, NULL, NULL, 'hard') ->> 'task_id' AS calls \gset
SELECT stream_delete_users('{nora}', 'soft', 'pruning') ->> 'task_id' AS messages \gset
SELECT stream_delete_users('{eve}') ->> 'task_id' AS soft \gset
CALL stream_run_tasks(until_idle => true);
CREATE FUNCTION pg_temp.recorded(id text) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(concat_ws('/', COALESCE(user_mode, '-'), COALESCE(messages_mode, '-'), COALESCE(conversations_mode, '-'), COALESCE(calls_mode, '-')))
      FROM stream.erasures WHERE hash = sha256(salt || convert_to(id, 'UTF8'))
$$;
SELECT is(pg_temp.recorded('cat'), '{pruning/soft/soft/soft}', 'a pruning is recorded');
SELECT is(pg_temp.recorded('dan'), '{-/-/-/hard}', 'so is a deletion of data alone that erases');
SELECT is(pg_temp.recorded('nora'), '{soft/pruning/soft/soft}', 'and one of a soft-deleted user that empties messages');
SELECT is(pg_temp.recorded('eve'), NULL, 'a soft deletion is not');

-- The ledger travels as a file would carry it.
CREATE TEMPORARY TABLE copied AS SELECT * FROM stream.erasures;
DELETE FROM stream.erasures WHERE task_id = :'erased';
INSERT INTO stream.erasures SELECT * FROM copied;
SELECT set_eq('TABLE stream.erasures', 'TABLE copied', 'a ledger may be copied over one that has some of the rows');

-- Back from the dead: what erased users and data were is there again, and what this database had
-- carried out it doesn't know any more.
SELECT is(stream_reapply_erasures(dry_run => true) - 'duration', '{"users": 0, "held": []}', 'where nothing came back there is nothing to do');
SELECT is(stream_reapply_erasures() - 'duration', '{"users": 0, "held": [], "task_ids": []}', 'and no task is made');

-- A world of its own: users named by what happens to them.
CREATE FUNCTION pg_temp.populate() RETURNS void LANGUAGE sql AS $$
    INSERT INTO stream.users (id, name, created_at, updated_at)
    SELECT 'r-' || id, 'Name', '2024-01-01', '2024-01-01'
      FROM unnest('{hard,pruned,both,data,soft,untouched,anew,held,partner}'::text[]) AS id ON CONFLICT DO NOTHING;
    INSERT INTO stream.messages (cid, id, user_id, text)
    SELECT 'm:old', u.id, u.id, 'old' FROM stream.users AS u WHERE id LIKE 'r-%' ON CONFLICT DO NOTHING
$$;
SELECT pg_temp.populate() \g /dev/null
CREATE TEMPORARY TABLE backup_users AS SELECT * FROM stream.users WHERE id LIKE 'r-%';
CREATE TEMPORARY TABLE backup_messages AS SELECT * FROM stream.messages WHERE cid = 'm:old';
CREATE TEMPORARY TABLE backup_applied AS SELECT * FROM stream.erasures_applied;
SELECT stream_delete_users('{r-hard,r-anew,r-held,r-partner}', 'hard', 'hard', 'hard', 'hard'),
       stream_delete_users('{r-pruned}', 'pruning', 'pruning'), stream_delete_users('{r-both}', 'pruning', NULL, NULL, NULL),
       stream_delete_users('{r-data}', NULL, 'hard', NULL, NULL), stream_delete_users('{r-soft}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_delete_users('{r-both}', 'hard', 'hard', 'hard', 'hard') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_upsert_users('{"id": "r-anew", "name": "Another"}') \g /dev/null
SELECT is(stream_reapply_erasures(dry_run => true) -> 'users', '0', 'a user created anew under an erased id is another one');

-- The backup comes back.
DELETE FROM stream.users WHERE id LIKE 'r-%' AND id <> 'r-anew';
DELETE FROM stream.messages WHERE cid = 'm:old';
SET LOCAL stream_users.guard_writes = off;
INSERT INTO stream.users SELECT * FROM backup_users WHERE id <> 'r-anew';
INSERT INTO stream.messages SELECT * FROM backup_messages;
SET LOCAL stream_users.guard_writes = on;
DELETE FROM stream.erasures_applied;
INSERT INTO stream.erasures_applied TABLE backup_applied;
INSERT INTO stream.channels (type, id) VALUES ('m', 'shared');
INSERT INTO stream.channel_members (cid, user_id) VALUES ('m:shared', 'r-partner'), ('m:shared', 'r-untouched');
SELECT stream_hold_user('r-held', 'court'), stream_hold_user('r-untouched', 'court') \g /dev/null

SELECT pg_temp.everything_and_queue() AS before_dry \gset
SELECT is(stream_reapply_erasures(dry_run => true) - 'duration', '{"users": 4, "held": ["r-held", "r-partner"]}',
          'a dry run counts the users that are there again, and names those whom a hold protects');
SELECT is(pg_temp.everything_and_queue(), :'before_dry', 'and changes nothing');
CREATE TEMPORARY TABLE answer AS SELECT stream_reapply_erasures() AS a;
SELECT is(a -> 'users', '4', 'they are deleted again') FROM answer;
SELECT is(a -> 'held', '["r-held", "r-partner"]', 'but those whom a hold protects') FROM answer;
SELECT results_eq($$SELECT t.params - 'files' FROM answer, jsonb_array_elements_text(a -> 'task_ids') AS i JOIN stream.tasks AS t ON t.id::text = i ORDER BY 1$$,
                  $$VALUES ('{"messages_mode": "hard"}'::jsonb), ('{"user_mode": "pruning", "messages_mode": "pruning"}'),
                           ('{"calls_mode": "hard", "user_mode": "hard", "messages_mode": "hard", "conversations_mode": "hard"}')$$,
                  'in the recorded modes that erase, the strongest of several, one task for all users with the same');
SELECT is(stream_reapply_erasures() -> 'users', '0', 'calling again asks for nothing twice');
SELECT task_completes(i, description => 'task ' || n || ' of them completes')
  FROM answer, jsonb_array_elements_text(a -> 'task_ids') WITH ORDINALITY AS t (i, n);
SELECT no_trace_of(id, 'nothing holds the erased id ' || id || ' again') FROM unnest('{r-hard,r-both}'::text[]) AS id;
SELECT user_is_deleted('r-pruned', 'pruning', 'a pruned user is pruned again');
SELECT user_has('r-pruned', 'name', NULL, 'and has no name');
SELECT is((SELECT text FROM stream.messages WHERE id = 'r-pruned'), NULL, 'and its messages are empty again');
SELECT is_empty($$SELECT FROM stream.messages WHERE user_id = 'r-data'$$, 'data that was erased without its user goes again');
SELECT is((SELECT array_agg(id ORDER BY id) FROM stream.users JOIN backup_users USING (id)
            WHERE to_jsonb(users) = to_jsonb(backup_users)), '{r-data,r-held,r-partner,r-soft,r-untouched}',
          'their users stay as they are, and so do those who were soft-deleted, never deleted, or are protected');
SELECT is((SELECT name FROM stream.users WHERE id = 'r-anew'), 'Another', 'a user created anew stays');
SELECT is(stream_reapply_erasures(dry_run => true) - 'duration', '{"users": 0, "held": ["r-held", "r-partner"]}', 'then nothing but those is left to do');
SELECT stream_release_user('r-untouched'), stream_release_user('r-held') \g /dev/null
SELECT is(stream_reapply_erasures() - 'duration' - 'task_ids', '{"users": 2, "held": []}', 'until the hold is over');
CALL stream_run_tasks(until_idle => true);
SELECT no_trace_of(id, 'then ' || id || ' is erased again too') FROM unnest('{r-held,r-partner}'::text[]) AS id;

-- A user that is pruned again already keeps that, and only the data is done.
DELETE FROM stream.erasures_applied WHERE hash IN (SELECT sha256(salt || convert_to('r-pruned', 'UTF8')) FROM stream.erasures);
UPDATE stream.messages SET text = 'back' WHERE id = 'r-pruned';
SELECT is(stream_reapply_erasures() -> 'users', '1', 'the data of a user who is pruned already is done again');
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT text FROM stream.messages WHERE id = 'r-pruned'), NULL, 'until it is empty');

-- A backup in which a deletion was still waiting: it goes on, and is not done a second time because the
-- newer ledger knows it.
INSERT INTO stream.users (id, created_at) VALUES ('r-late', '2024-01-01');
SELECT stream_delete_users('{r-late}', NULL, 'hard', NULL, NULL) ->> 'task_id' AS late \gset
INSERT INTO stream.erasures (task_id, hash, salt, requested_at, erased_at, messages_mode, counts)
SELECT :'late', sha256(salt || 'r-late'), salt, now(), now(), 'hard', '{}' FROM (SELECT DISTINCT salt FROM stream.erasures) AS s;
CALL stream_run_tasks(until_idle => true);
SELECT is(ARRAY[pg_temp.ended(:'late'), stream_reapply_erasures() ->> 'users'], '{completed,0}',
          'what a restored database carries out by itself is not reapplied');

-- Unbound columns
CREATE SCHEMA app;
CREATE TABLE app.accounts (account text PRIMARY KEY REFERENCES stream.users, id bigint);
CREATE TABLE app.orders (id bigint PRIMARY KEY, customer text REFERENCES stream.users, buyer_user_id varchar(255),
                         user_id uuid, watcher_user_ids text[], mentioned_user_ids integer[], approved_by_id int,
                         user_id_count numeric, note text, payer text REFERENCES app.accounts, created_by_id timestamptz);
CREATE TABLE app.parts (user_id text, part integer) PARTITION BY LIST (part);
CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES IN (1);
CREATE VIEW app.seen AS SELECT user_id FROM app.parts;
CREATE TEMPORARY TABLE scratch (user_id text);
CREATE FUNCTION pg_temp.unbound() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', relation, column_name) FROM stream_unbound_columns() WHERE relation::text LIKE 'app.%'
$$;
SELECT results_eq('SELECT * FROM pg_temp.unbound()',
                  $$VALUES ('app.accounts account'), ('app.orders customer'), ('app.orders buyer_user_id'), ('app.orders user_id'),
                           ('app.orders watcher_user_ids'), ('app.orders mentioned_user_ids'), ('app.parts user_id')$$,
                  'columns that refer to users, or are named and typed like those bound, are listed; views, partitions and others are not');
SELECT is((SELECT concat_ws('|', data_type, reason) FROM stream_unbound_columns() WHERE column_name = 'customer'),
          $$text|references stream.users (id): SELECT public.stream_bind_table('app.orders', 'customer', 'author')$$,
          'with the type, the reason and the call that would bind it');
SELECT is((SELECT concat_ws('|', data_type, reason) FROM stream_unbound_columns() WHERE column_name = 'mentioned_user_ids'),
          $$integer[]|is named like stream.activities.mentioned_user_ids, which is bound: SELECT public.stream_bind_table('app.orders', 'mentioned_user_ids', 'pointer')$$,
          'a column is told by a bound one of its name');
SELECT is((SELECT reason FROM stream_unbound_columns() WHERE column_name = 'buyer_user_id'),
          $$is named like a user's id: SELECT public.stream_bind_table('app.orders', 'buyer_user_id', 'author')$$,
          'or by its name alone');
SELECT is_empty($$SELECT FROM stream_unbound_columns() WHERE relation::text ~ '^stream\.|scratch'$$,
                'the extension''s own tables and temporary ones are not listed');
INSERT INTO stream.bindings (relation, user_column, kind, governed_by, built_in) VALUES
    ('app.accounts', 'account', 'personal', 'user', false), ('app.orders', 'user_id', 'author', 'messages', false);
SELECT results_eq('SELECT * FROM pg_temp.unbound()',
                  $$VALUES ('app.orders customer'), ('app.orders buyer_user_id'), ('app.orders watcher_user_ids'),
                           ('app.orders mentioned_user_ids'), ('app.orders payer'), ('app.parts user_id')$$,
                  'a bound column is not; one that refers to a bound table about users is');

SELECT * FROM finish();
ROLLBACK;
