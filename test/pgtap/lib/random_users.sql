-- To be included by \ir inside a test's transaction. Ten thousand random users, the same ones for the
-- same seed: a number from -1 to 1 in the environment's QUERY_REFERENCE_SEED repeats a run.

\getenv seed QUERY_REFERENCE_SEED
\if :{?seed}
\else
    SELECT round(random()::numeric, 6) AS seed \gset
\endif
CREATE TEMPORARY TABLE run AS SELECT :'seed'::float8 AS seed;
SELECT diag('QUERY_REFERENCE_SEED=' || seed) FROM run;
SELECT NULL FROM run, setseed(seed) \g /dev/null

CREATE FUNCTION pg_temp.pick(choices anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS $$
    SELECT choices[1 + floor(random() * cardinality(choices))::integer]
$$;

CREATE FUNCTION pg_temp.chance(p float8) RETURNS boolean LANGUAGE sql VOLATILE AS $$ SELECT random() < p $$;

-- Keys of custom data: some are fields' names, operators, or what filters and SQL have to quote.
CREATE FUNCTION pg_temp.random_key() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT pg_temp.pick(ARRAY['a', 'a', 'b', 'score', 'score', 'tag', 'tags', 'A', 'a.b', '.', 'it''s "x"', 'back\slash', '\', '\.',
                              '', ' ', 'ключ', '漢字', '😀', '$gt', '$1', '{}', '0', '%s', 'name', 'id', 'custom', 'custom.a', 'null',
                              E'new\nline'])
$$;

CREATE FUNCTION pg_temp.random_word() RETURNS text LANGUAGE sql VOLATILE AS $sql$
    SELECT pg_temp.pick(ARRAY['Ann', 'ann', 'Anna', 'Bob', 'bo', 'O''Brien', 'Lee', 'LEE', 'de', 'Straße', 'Ünal', 'éva', 'Éva', 'Жук', '李',
                              '100%', '_x', 'a.b', 'x\y', '"q"', '$$', 'null', '42', '4', '(', '[a]', '*', '😀', 'Mac-Ann', 'x_ann',
                              'a  b', ''])
$sql$;

CREATE FUNCTION pg_temp.random_text() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT pg_temp.random_word() || coalesce(pg_temp.pick(ARRAY[NULL, ' ', '-', '. ', '''', '_', '/']) || pg_temp.random_word(), '')
$$;

CREATE FUNCTION pg_temp.random_scalar() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT CASE floor(random() * 8)::integer
               WHEN 0 THEN 'null'
               WHEN 1 THEN to_jsonb(random() < 0.5)
               WHEN 2 THEN pg_temp.pick(ARRAY['1', '1.0', '1.00', '-1', '0', '-0', '0.1', '1e3', '1000', '1e-7', '12345678901234567890', '1e40']::jsonb[])
               WHEN 3 THEN to_jsonb(floor(random() * 20)::integer)
               ELSE to_jsonb(pg_temp.random_text())
           END
$$;

CREATE FUNCTION pg_temp.random_object(depth integer) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    object jsonb := '{}';
BEGIN
    FOR i IN 1 .. floor(random() * 5)::integer LOOP
        object := object || jsonb_build_object(pg_temp.random_key(), pg_temp.random_value(depth));
    END LOOP;
    RETURN object;
END
$$;

CREATE FUNCTION pg_temp.random_value(depth integer) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    items jsonb := '[]';
BEGIN
    IF depth = 0 OR random() < 0.6 THEN
        RETURN pg_temp.random_scalar();
    ELSIF random() < 0.5 THEN
        RETURN pg_temp.random_object(depth - 1);
    END IF;
    FOR i IN 1 .. floor(random() * 4)::integer LOOP
        items := items || jsonb_build_array(pg_temp.random_value(depth - 1));
    END LOOP;
    RETURN items;
END
$$;

-- Few moments, so that users share them, some a microsecond apart.
CREATE FUNCTION pg_temp.random_time() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT '2024-01-01Z'::timestamptz + floor(random() * 400) * interval '1 day 1 minute 1 second'
         + pg_temp.pick(ARRAY['0', '0', '1 microsecond', '999999 microseconds']::interval[])
$$;

CREATE FUNCTION pg_temp.random_teams() RETURNS text[] LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(array_agg(team), '{}')
    FROM (SELECT unnest(ARRAY['red', 'Red', 'blue', 'a b', '{', '"', 'NULL', 'ü', '']) AS team) AS t
    WHERE random() < 0.2
$$;

DELETE FROM stream.users;
INSERT INTO stream.users (id, role, name, language, invisible, teams, custom, created_at, updated_at, last_active, deactivated_at,
                          deleted_at)
SELECT pg_temp.pick(ARRAY['u', 'U', 'user-', 'User_', '@', '_', '-', 'ann-bob-', '9', 'ANN@']) || n,
       pg_temp.pick('{user,user,user,user,user,user,admin,moderator,guest,editor}'::text[]),
       CASE WHEN random() < 0.85 THEN pg_temp.random_text() END,
       pg_temp.pick(ARRAY['', '', '', 'en', 'fr', 'fr-CA', 'es-419']),
       random() < 0.2,
       pg_temp.random_teams(),
       pg_temp.random_object(2),
       pg_temp.random_time(), pg_temp.random_time(),
       CASE WHEN random() < 0.6 THEN pg_temp.random_time() END,
       CASE WHEN random() < 0.1 THEN pg_temp.random_time() END,
       CASE WHEN random() < 0.1 THEN pg_temp.random_time() END
FROM generate_series(1, 10000) AS n;

-- Some have been connected, and who was active in time to come is so for as long as the test may take.
UPDATE stream.users SET online = true,
    last_active = CASE WHEN random() < 0.7 THEN now() + floor(random() * 100) * interval '1 hour' + interval '1 day' ELSE last_active END
WHERE random() < 0.2;

-- Bans in force and over, of the app and of a channel, shadow or not.
INSERT INTO stream.bans (target_user_id, channel_cid, shadow, expires)
SELECT id, channel, random() < 0.5,
       CASE WHEN random() < 0.7 THEN now() + pg_temp.pick(ARRAY['1 day', '-1 second']::interval[]) END
FROM stream.users, unnest(ARRAY['', 'messaging:x']) AS channel
WHERE random() < 0.1;

-- As many deep names as there are may stand in an index; what the planner knows is as it would be.
ANALYZE stream.users;
ANALYZE stream.bans;
