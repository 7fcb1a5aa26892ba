-- The boundary between C++ exceptions and PostgreSQL errors, and jsonb read and written in place.
-- The functions come from a test module whose path is in STREAM_USERS_BOUNDARY_TEST.
\getenv module STREAM_USERS_BOUNDARY_TEST
BEGIN;

CREATE FUNCTION pg_temp.boundary_run(sql text) RETURNS void LANGUAGE c AS :'module', 'boundary_run';
CREATE FUNCTION pg_temp.boundary_alive() RETURNS integer LANGUAGE c AS :'module', 'boundary_alive';
CREATE FUNCTION pg_temp.boundary_made() RETURNS integer LANGUAGE c AS :'module', 'boundary_made';
CREATE FUNCTION pg_temp.boundary_throw(kind text) RETURNS void LANGUAGE c AS :'module', 'boundary_throw';
CREATE FUNCTION pg_temp.boundary_attempt(sql text) RETURNS text LANGUAGE c AS :'module', 'boundary_attempt';
CREATE FUNCTION pg_temp.boundary_copy(value jsonb) RETURNS jsonb LANGUAGE c AS :'module', 'boundary_copy';

CREATE FUNCTION pg_temp.raise_all() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it went wrong' USING ERRCODE = 'UE123', DETAIL = 'the detail', HINT = 'the hint',
        TABLE = 'some_table', COLUMN = 'some_column', CONSTRAINT = 'some_constraint';
END $$;

-- Everything an error carries, as the caller sees it.
CREATE FUNCTION pg_temp.caught(sql text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text; context text; tab text; col text; con text;
BEGIN
    EXECUTE sql;
    RETURN NULL;
EXCEPTION WHEN OTHERS OR query_canceled THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT,
        tab = TABLE_NAME, col = COLUMN_NAME, con = CONSTRAINT_NAME;
    RETURN jsonb_build_object('state', state, 'message', message, 'detail', detail, 'hint', hint,
        'context', context, 'table', tab, 'column', col, 'constraint', con);
END $$;

-- jsonb of every shape, made from a seeded random sequence.
CREATE FUNCTION pg_temp.random_json(depth integer) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    kind integer := floor(random() * CASE WHEN depth > 0 THEN 9 ELSE 6 END);
    width integer := floor(random() * random() * 80);
BEGIN
    RETURN CASE kind
        WHEN 0 THEN 'null'::jsonb
        WHEN 1 THEN to_jsonb(random() < 0.5)
        WHEN 2 THEN to_jsonb((random() * 1e18)::bigint - (5e17)::bigint)
        WHEN 3 THEN to_jsonb((random() * 1000)::numeric(12, 4) + 0.00005)
        WHEN 4 THEN to_jsonb(repeat(chr(97 + floor(random() * 26)::integer), width))
        WHEN 5 THEN to_jsonb('é"\' || chr(8364) || width)
        WHEN 6 THEN (SELECT COALESCE(jsonb_agg(pg_temp.random_json(depth - 1)), '[]') FROM generate_series(1, width))
        ELSE (SELECT COALESCE(jsonb_object_agg(left(md5(random()::text), 1 + i % 9), pg_temp.random_json(depth - 1)), '{}')
              FROM generate_series(1, width) AS i)
    END;
END $$;

SELECT plan(20);

SELECT is(pg_temp.caught('SELECT pg_temp.boundary_run(''SELECT pg_temp.raise_all()'')') - 'context',
          '{"state": "UE123", "message": "it went wrong", "detail": "the detail", "hint": "the hint",
            "table": "some_table", "column": "some_column", "constraint": "some_constraint"}',
          'a PostgreSQL error under three C++ frames arrives with SQLSTATE, DETAIL, HINT and names whole');
SELECT is(pg_temp.boundary_made(), 3, 'objects lived in three C++ frames when it was raised');
SELECT is(pg_temp.boundary_alive(), 0, 'and the destructors of all of them ran');
SELECT matches(pg_temp.caught('SELECT pg_temp.boundary_run(''SELECT pg_temp.raise_all()'')') ->> 'context',
               'PL/pgSQL function .*raise_all\(\) line 3 at RAISE\nSQL statement "SELECT pg_temp.*raise_all\(\)',
               'its CONTEXT names the function that raised and the statement that called it');
SELECT is((regexp_matches(pg_temp.caught('SELECT pg_temp.boundary_run(''SELECT pg_temp.raise_all()'')') ->> 'context',
                          'caught\(text\) line 5 at EXECUTE'))[1],
          'caught(text) line 5 at EXECUTE', 'and the callers above the C++ function');
SELECT is(pg_temp.caught('SELECT pg_temp.boundary_run(''SELECT 1 / 0'')') ->> 'state', '22012',
          'an error of PostgreSQL''s own keeps its SQLSTATE');
SELECT is(pg_temp.caught('SELECT pg_temp.boundary_run(''SELECT 1'')'), NULL, 'without an error nothing is raised');
SELECT is(pg_temp.boundary_alive(), 0, 'and nothing is left alive');

SELECT is(pg_temp.caught('SELECT pg_temp.boundary_throw(''refusal'')') - 'context' - 'table' - 'column' - 'constraint',
          '{"state": "ST004", "message": "BoundaryThrow failed with error: \"no \"such\" thing\"",
            "detail": "{\"code\": 4, \"path\": \"users[1].id\", \"id\": \"bob\"}", "hint": "Do it right."}',
          'a refusal leaves as the contract''s error');
SELECT is(pg_temp.caught('SELECT pg_temp.boundary_throw(''memory'')') ->> 'state', '53200',
          'memory that C++ cannot get is PostgreSQL''s out_of_memory');
SELECT is(pg_temp.caught('SELECT pg_temp.boundary_throw(''other'')') ->> 'state', 'XX000',
          'any other exception is an internal error');
SELECT is(pg_temp.caught('SELECT pg_temp.boundary_throw(''other'')') ->> 'message', 'something else',
          'with the exception''s words');

SET LOCAL statement_timeout = '100ms';
SELECT is(pg_temp.caught('SELECT pg_temp.boundary_run(''SELECT pg_sleep(60)'')') ->> 'state', '57014',
                 'a cancel gets through the C++ frames');
SET LOCAL statement_timeout = 0;
SELECT is(pg_temp.boundary_alive(), 0, 'and their destructors run');

CREATE TEMP TABLE kept (n integer PRIMARY KEY);
INSERT INTO kept VALUES (1);
SELECT is(pg_temp.boundary_attempt('WITH i AS (INSERT INTO pg_temp.kept VALUES (2) RETURNING n) SELECT 1 / (n - 2) FROM i'),
          '22012 division by zero', 'an attempt that fails says why');
SELECT is((SELECT array_agg(n) FROM kept), '{1}', 'and what it did is rolled back, what came before is kept');
SELECT is(pg_temp.boundary_attempt('INSERT INTO pg_temp.kept VALUES (3)'), NULL, 'an attempt that succeeds says nothing');
SELECT is((SELECT array_agg(n ORDER BY n) FROM kept), '{1,3}', 'and what it did stays');

SELECT setseed(0.4242);
SELECT diag('random jsonb: setseed(0.4242)');
CREATE TEMP TABLE samples AS SELECT jsonb_build_object('v', pg_temp.random_json(3), 'w', pg_temp.random_json(2)) AS value
FROM generate_series(1, 300);
SELECT is((SELECT count(*) FROM samples
           WHERE jsonb_send(pg_temp.boundary_copy(value)) IS DISTINCT FROM jsonb_send(value)
              OR pg_temp.boundary_copy(value) <> value), 0::bigint,
          'jsonb of every shape comes back the same after being read and written in place');
SELECT is((SELECT count(*) FROM samples
           WHERE pg_temp.boundary_copy(value) -> 'v' IS DISTINCT FROM value -> 'v'
              OR jsonb_path_query_array(pg_temp.boundary_copy(value), '$.**') <> jsonb_path_query_array(value, '$.**')),
          0::bigint, 'and PostgreSQL finds everything in it by key');
SELECT * FROM finish();
ROLLBACK;
