-- stream_upsert_users with so many users that they are written below SQL: the same outcome.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public;
RESET client_min_messages;

SELECT plan(46);

-- Users of every kind, with numbers from first to last; another generation differs in all it says.
CREATE FUNCTION pg_temp.many(first integer, last integer, generation integer DEFAULT 0) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'id', 'many-' || lpad(i::text, 4, '0'),
        'name', CASE WHEN i % 4 > 0 THEN format('Name %s of %s', generation, i) END,
        'image', CASE WHEN i % 5 = 0 THEN format('https://example.com/%s/%s.png', generation, i) END,
        'role', CASE WHEN (i + generation) % 7 = 0 THEN 'admin' ELSE 'user' END,
        'language', CASE WHEN (i + generation) % 3 = 0 THEN 'de' END,
        'invisible', (i + generation) % 11 = 0,
        'teams', CASE WHEN (i + generation) % 6 = 0 THEN '["red", "blue"]'::jsonb WHEN i % 6 = 1 THEN '["red"]' END,
        'teams_role', CASE WHEN (i + generation) % 6 = 0 THEN '{"red": "admin"}'::jsonb END,
        'privacy_settings', CASE WHEN i % 8 = 0 THEN '{"read_receipts": {"enabled": false}}'::jsonb END,
        'custom', jsonb_build_object('n', i, 'generation', generation,
                                     'long', CASE WHEN i % 50 = 0 THEN repeat(md5(i::text), 400) END))))
    FROM generate_series(first, last) AS i
$$;
CREATE FUNCTION pg_temp.upsert(users jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT stream_upsert_users(users, false) - 'duration' - 'membership_deletion_task_id'
$$;
CREATE FUNCTION pg_temp.answer(users jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT stream_upsert_users(users) -> 'users'
$$;
-- What stream_get_users says of the same users.
CREATE FUNCTION pg_temp.stored(users jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT stream_get_users(array_agg(u ->> 'id')) -> 'users' FROM jsonb_array_elements(users) AS u
$$;
-- The stored users in the form of a request.
CREATE FUNCTION pg_temp.request() RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'id', id, 'name', name, 'image', image, 'role', role, 'language', nullif(language, ''),
        'invisible', invisible, 'teams', CASE WHEN teams <> '{}' THEN to_jsonb(teams) END,
        'teams_role', teams_role, 'privacy_settings', privacy_settings, 'custom', custom))
    FROM stream.users WHERE id LIKE 'many-%'
$$;

-- Created.
SELECT is(pg_temp.answer(pg_temp.many(1, 1200)), pg_temp.stored(pg_temp.many(1, 1200)),
          'the answer tells new users as they are stored');
SELECT set_eq('SELECT pg_temp.request()', 'SELECT jsonb_array_elements(pg_temp.many(1, 1200))',
              'new users are stored as the request has them');
SELECT is(pg_temp.upsert(pg_temp.many(1, 1200)), '{"created": 0, "updated": 0, "unchanged": 1200}',
          'a second call in the transaction sees them');
SELECT is((SELECT count(*) FROM stream.users WHERE id LIKE 'many-%' AND (created_at <> updated_at OR online
           OR last_active IS NOT NULL OR deactivated_at IS NOT NULL OR deleted_at IS NOT NULL)), 0::bigint,
          'what a request does not say has its default');

-- Replaced, and a mixture.
UPDATE stream.users
SET last_active = '2024-01-02 03:04:05+00', avg_response_time = 90, created_at = '2023-01-01 00:00:00+00',
    revoke_tokens_issued_before = '2023-06-01 00:00:00+00', push_notifications = '{"disabled": true}',
    deactivated_at = CASE WHEN id LIKE '%5' THEN '2024-02-01 00:00:00+00'::timestamptz END, deactivated_by_id = 'boss'
WHERE id LIKE 'many-%';
SELECT is(pg_temp.answer(pg_temp.many(1001, 1500, 1)), pg_temp.stored(pg_temp.many(1001, 1500, 1)),
          'the answer tells new and replaced users as they are stored');
SELECT is(pg_temp.upsert(pg_temp.many(901, 1600, 1)), '{"created": 100, "updated": 100, "unchanged": 500}',
          'created, updated and unchanged users are counted');
SELECT set_eq('SELECT pg_temp.request()',
              'SELECT jsonb_array_elements(pg_temp.many(1, 900) || pg_temp.many(901, 1600, 1))',
              'replaced users are stored as the request has them, and no others');
SELECT is((SELECT count(*) FROM stream.users WHERE id BETWEEN 'many-0901' AND 'many-1200'
           AND created_at = '2023-01-01 00:00:00+00' AND updated_at > created_at AND deactivated_by_id = 'boss'
           AND last_active = '2024-01-02 03:04:05+00' AND push_notifications = '{"disabled": true}'
           AND (deactivated_at IS NOT NULL) = (id LIKE '%5')), 300::bigint,
          'replacing keeps what a request can not say');
SELECT is(pg_temp.upsert((SELECT jsonb_agg(u || '{"name": "Only the name"}') FROM jsonb_array_elements(pg_temp.many(1, 1600)) AS u WHERE u ->> 'id' < 'many-0900')),
          '{"created": 0, "updated": 899, "unchanged": 0}', 'users of whom no indexed column changes are replaced');
SELECT throws_ok($$ SELECT pg_temp.upsert(pg_temp.many(1, 100, 5) || pg_temp.many(50, 50, 6)) $$, 'ST004', NULL,
                 'a user twice in a call is refused');

-- Indexes.
SELECT lives_ok($$ SELECT public.bt_index_check(i.indexrelid, true) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
                   JOIN pg_am AS a ON a.oid = c.relam AND a.amname = 'btree' WHERE i.indrelid = 'stream.users'::regclass $$,
                'every row has its entries in the indexes');
SELECT is((SELECT count(*) FROM public.verify_heapam('stream.users')), 0::bigint, 'the table is sound');
SET LOCAL enable_seqscan = off;
SELECT is((SELECT array_agg(id) FROM stream.users WHERE custom @> '{"n": 1003}'), '{many-1003}', 'custom is found by its index');
SELECT is((SELECT count(*) FROM stream.users WHERE teams @> '{blue}' AND teams <> '{}' AND id LIKE 'many-%'),
          (SELECT count(*) FROM jsonb_array_elements(pg_temp.many(1, 900) || pg_temp.many(901, 1600, 1)) AS u WHERE u -> 'teams' ? 'blue'),
          'teams are found by their index');
RESET enable_seqscan;

-- Rolled back.
DO $$ BEGIN
    PERFORM pg_temp.upsert(pg_temp.many(1501, 1800, 7));
    RAISE EXCEPTION 'back';
EXCEPTION WHEN raise_exception THEN NULL; END $$;
SELECT is((SELECT count(*) FROM stream.users WHERE id > 'many-1600' AND id LIKE 'many-%' OR custom @> '{"generation": 7}'), 0::bigint,
          'what a subtransaction wrote goes with it');
SELECT is(pg_temp.upsert(pg_temp.many(1601, 1800)), '{"created": 200, "updated": 0, "unchanged": 0}', 'and can be written again');
SAVEPOINT many;
SELECT pg_temp.upsert(pg_temp.many(3001, 5000)) \g /dev/null
ROLLBACK TO many;
SELECT is(pg_temp.upsert(pg_temp.many(3001, 5000)), '{"created": 2000, "updated": 0, "unchanged": 0}',
          'however many entries of what is gone the index still has');
DELETE FROM stream.users WHERE id BETWEEN 'many-3001' AND 'many-5000';

-- What a request has beside what is stored, in any order.
CREATE FUNCTION pg_temp.adorned(generation integer) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg((u - '{teams,teams_role}'::text[])
                     || '{"duration": "1ms", "online": true, "created_at": 1, "role": null, "teams": null}'
                     || CASE WHEN u ? 'privacy_settings' THEN '{"privacy_settings": {"read_receipts": {"enabled": false}, "typing_indicators": null}}'
                             WHEN u ? 'image' THEN '{"privacy_settings": {"read_receipts": null}, "teams_role": {}}'
                             ELSE '{"privacy_settings": null}' END::jsonb
                     ORDER BY md5(u ->> 'id'))
    FROM jsonb_array_elements(pg_temp.many(1, 900, generation)) AS u
$$;
SELECT is(pg_temp.answer(pg_temp.adorned(3)), pg_temp.stored(pg_temp.many(1, 900)),
          'nulls, keys that are left alone and the order of a list make no difference to the answer');
SELECT set_eq($$ SELECT r FROM pg_temp.request() AS r WHERE r ->> 'id' < 'many-0901' $$,
              $$ SELECT u - '{teams,teams_role}'::text[] || '{"role": "user"}' FROM jsonb_array_elements(pg_temp.many(1, 900, 3)) AS u $$,
              'nor to what is stored');
SELECT pg_temp.upsert(pg_temp.many(1, 900)) \g /dev/null


-- Constraints.
ALTER TABLE stream.users ADD CONSTRAINT decent CHECK (name <> 'Bad');
SELECT throws_ok($$ SELECT pg_temp.upsert(pg_temp.many(2001, 2100) || '[{"id": "bad", "name": "Bad"}]') $$, '23514', NULL,
                 'a constraint holds for new users');
SELECT throws_ok($$ SELECT pg_temp.upsert(pg_temp.many(1, 100, 2) || '[{"id": "many-0101", "name": "Bad"}]') $$, '23514', NULL,
                 'a constraint holds for replaced users');
SELECT is((SELECT count(*) FROM stream.users WHERE id > 'many-2000' OR custom @> '{"generation": 2}'), 0::bigint, 'and nothing is written');
CREATE UNIQUE INDEX names ON stream.users (name) WHERE name LIKE 'Unique%';
SELECT throws_ok($$ SELECT pg_temp.upsert(pg_temp.many(2001, 2100) || '[{"id": "a", "name": "Unique 1"}, {"id": "b", "name": "Unique 1"}]') $$,
                 '23505', NULL, 'a unique index of the application holds');
SELECT is(pg_temp.upsert(pg_temp.many(2001, 2100)), '{"created": 100, "updated": 0, "unchanged": 0}', 'and is not in the way of others');
DROP INDEX stream.names;

-- Columns of the application's.
ALTER TABLE stream.users ADD shard integer DEFAULT 3, ADD initial text GENERATED ALWAYS AS (left(name, 1)) STORED;
SELECT is(pg_temp.upsert(pg_temp.many(2101, 2200)), '{"created": 100, "updated": 0, "unchanged": 0}', 'a table with more columns is written');
SELECT is((SELECT count(*) FROM stream.users WHERE id BETWEEN 'many-2101' AND 'many-2200' AND shard = 3
           AND initial IS NOT DISTINCT FROM left(name, 1)), 100::bigint, 'its defaults and generated columns have their values');
ALTER TABLE stream.users DROP shard, DROP initial;
SELECT is(pg_temp.upsert(pg_temp.many(2151, 2250, 1)), '{"created": 50, "updated": 50, "unchanged": 0}', 'and after they are dropped');

-- A foreign key that points at users.
CREATE TABLE public.seats (user_id text COLLATE "C" REFERENCES stream.users);
INSERT INTO public.seats SELECT id FROM stream.users WHERE id LIKE 'many-21%';
SELECT is(pg_temp.upsert(pg_temp.many(2151, 2300, 2)), '{"created": 50, "updated": 100, "unchanged": 0}',
          'users that a foreign key names are replaced');
DROP TABLE public.seats;

-- Row-level security.
ALTER TABLE stream.users ENABLE ROW LEVEL SECURITY;
SELECT is(pg_temp.upsert(pg_temp.many(2251, 2350, 3)), '{"created": 50, "updated": 50, "unchanged": 0}',
          'a table with row-level security is written');
ALTER TABLE stream.users DISABLE ROW LEVEL SECURITY;

-- Triggers.
CREATE TABLE public.fired (what text, rows bigint);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.fired VALUES (TG_OP, (SELECT count(*) FROM now_there));
    RETURN NULL;
END $$;
CREATE TRIGGER inserted AFTER INSERT ON stream.users REFERENCING NEW TABLE AS now_there FOR EACH STATEMENT EXECUTE FUNCTION public.note();
CREATE TRIGGER updated AFTER UPDATE ON stream.users REFERENCING NEW TABLE AS now_there FOR EACH STATEMENT EXECUTE FUNCTION public.note();
SELECT is(pg_temp.upsert(pg_temp.many(2301, 2400, 4)), '{"created": 50, "updated": 50, "unchanged": 0}',
          'a table with statement triggers is written');
SELECT set_eq('SELECT what, rows FROM public.fired', $$ VALUES ('INSERT', 50::bigint), ('UPDATE', 50::bigint) $$,
              'they fire, with the rows in their transition tables');
DROP TRIGGER inserted ON stream.users;
DROP TRIGGER updated ON stream.users;
CREATE FUNCTION public.mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.name := 'by trigger';
    RETURN NEW;
END $$;
CREATE TRIGGER marked BEFORE INSERT OR UPDATE ON stream.users FOR EACH ROW EXECUTE FUNCTION public.mark();
SELECT is((SELECT count(*) FROM jsonb_each(pg_temp.answer(pg_temp.many(2351, 2450, 5))) WHERE value ->> 'name' = 'by trigger'), 100::bigint,
          'what row triggers make of users is in the answer');
SELECT is((SELECT count(*) FROM stream.users WHERE name = 'by trigger'), 100::bigint, 'and in the table');
DROP TRIGGER marked ON stream.users;

-- Rules.
CREATE RULE also AS ON INSERT TO stream.users DO ALSO DELETE FROM public.fired;
SELECT throws_ok($$ SELECT pg_temp.upsert(pg_temp.many(2501, 2600)) $$, '0A000', NULL,
                 'a table with rules is refused as the statement refuses it');
DROP RULE also ON stream.users;

-- Stored users are found however many others lie between those that a request names, before the first and
-- behind the last: of a table with each third of 3,000, requests for each first, second, third …
CREATE FUNCTION pg_temp.each(nth integer, name text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('id', 'each-' || lpad(i::text, 4, '0'), 'name', name) ORDER BY md5(i::text))
    FROM generate_series(0, 3600, nth) AS i
$$;
SELECT pg_temp.upsert(jsonb_agg(jsonb_build_object('id', 'each-' || lpad(i::text, 4, '0'), 'name', 'stored')))
FROM generate_series(300, 3300, 3) AS i \g /dev/null
CREATE FUNCTION pg_temp.outcome(nth integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
    wrong bigint;
BEGIN
    answer := pg_temp.upsert(pg_temp.each(nth, 'named ' || nth));
    SELECT count(*) INTO wrong FROM stream.users
    WHERE id LIKE 'each-%'
      AND name IS DISTINCT FROM CASE WHEN right(id, 4)::integer % nth = 0 THEN 'named ' || nth ELSE 'stored' END;
    RETURN format('%s created, %s updated, %s wrong', answer -> 'created', answer -> 'updated', wrong);
END $$;
CREATE FUNCTION pg_temp.wanted(nth integer) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s created, %s updated, 0 wrong', count(*) FILTER (WHERE NOT stored), count(*) FILTER (WHERE stored))
    FROM generate_series(0, 3600, nth) AS i, LATERAL (SELECT i BETWEEN 300 AND 3300 AND i % 3 = 0 AS stored) AS s
$$;
CREATE FUNCTION pg_temp.undone(nth integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    outcome text;
BEGIN
    outcome := pg_temp.outcome(nth);
    RAISE EXCEPTION USING errcode = 'UNDO1', message = outcome;
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
    RETURN outcome;
END $$;
SELECT is(pg_temp.undone(nth), pg_temp.wanted(nth), format('each %s. user', nth))
FROM unnest('{1,2,3,4,5,6,7,9,15,30,60}'::integer[]) AS nth;

-- Read only.
SET LOCAL transaction_read_only = on;
SELECT throws_ok($$ SELECT pg_temp.upsert(pg_temp.many(2501, 2600)) $$, '25006', NULL, 'a read-only transaction writes nothing');

SELECT * FROM finish();
ROLLBACK;
