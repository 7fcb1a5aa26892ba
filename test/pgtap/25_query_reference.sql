-- stream_query_users against a reference in plain SQL, on thousands of random queries over ten thousand
-- random users. A run is repeated with its seed, which it prints.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;

SELECT plan(11);

\ir lib/random_users.sql
\ir lib/query_reference.sql
\ir lib/random_queries.sql

-- The ids that a query answers with, in order; what it is refused with, should it be.
CREATE FUNCTION pg_temp.found(query jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
    RETURN ARRAY(SELECT u ->> 'id' FROM jsonb_array_elements(stream_query_users(query) -> 'users') WITH ORDINALITY AS e (u, n) ORDER BY n);
EXCEPTION WHEN SQLSTATE 'ST004' THEN
    RETURN ARRAY['refused: ' || SQLERRM];
END
$$;

CREATE TEMPORARY TABLE answers (k serial, kind text, query jsonb, found text[], expected text[]);

CREATE FUNCTION pg_temp.agrees(kind text, description text) RETURNS text LANGUAGE sql AS $$
    SELECT is((SELECT format('seed %s, query %s: place %s holds %s instead of %s', seed, query, place, found[place], expected[place])
               FROM run, answers AS a
               CROSS JOIN LATERAL (SELECT min(i) AS place FROM generate_series(1, 101) AS i
                                   WHERE a.found[i] IS DISTINCT FROM a.expected[i]) AS first
               WHERE a.kind = agrees.kind AND found <> expected ORDER BY k LIMIT 1),
              NULL, format('%s (%s queries)', description, (SELECT count(*) FROM answers AS a WHERE a.kind = agrees.kind)))
$$;

-- Single conditions: the pages shown are spread over all of the ids.
INSERT INTO answers (kind, query)
SELECT 'condition', pg_temp.random_query(filter)
                    || pg_temp.pick(ARRAY['{"limit": 100}', '{"limit": 100, "sort": [{"field": "id", "direction": -1}]}']::jsonb[])
FROM conditions;
INSERT INTO answers (kind, query) SELECT 'combined', pg_temp.random_query(pg_temp.random_filter(1 + floor(random() * 3)::integer))
FROM generate_series(1, 1300);
INSERT INTO answers (kind, query) SELECT 'sorted', pg_temp.random_query('{}') || jsonb_build_object('sort', pg_temp.random_sort())
FROM generate_series(1, 150);
UPDATE answers SET found = pg_temp.found(query), expected = pg_temp.expected(query);

SELECT pg_temp.agrees('condition', 'each condition holds for the users that it should hold for');
SELECT pg_temp.agrees('combined', 'so do $and, $or and $nor of them, within each other');
SELECT pg_temp.agrees('sorted', 'users come sorted by any fields, those without a value last, page by page');

-- Pages one after the other, each behind the last id of the one before, down to the end.
CREATE FUNCTION pg_temp.walked(filter jsonb, direction integer) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    walked text[] := '{}';
    page text[];
    behind jsonb := '{}';
BEGIN
    LOOP
        page := pg_temp.found(jsonb_build_object('filter_conditions', jsonb_build_object('$and', jsonb_build_array(filter, behind)),
                                                 'sort', jsonb_build_array(jsonb_build_object('field', 'id', 'direction', direction)),
                                                 'limit', 100));
        EXIT WHEN page = '{}';
        walked := walked || page;
        behind := jsonb_build_object('id', jsonb_build_object(CASE direction WHEN 1 THEN '$gt' ELSE '$lt' END, page[cardinality(page)]));
    END LOOP;
    RETURN walked;
END
$$;

CREATE TEMPORARY TABLE walks AS
SELECT filter, direction, pg_temp.walked(filter, direction) AS walked,
       pg_temp.ids_of(pg_temp.filter_set(filter) & pg_temp.condition_set('deactivated_at', '$exists', 'false')
                      & pg_temp.condition_set('deleted_at', '$exists', 'false'), direction) AS expected
FROM (SELECT pg_temp.random_filter(1) AS filter, CASE WHEN n % 2 = 0 THEN 1 ELSE -1 END AS direction FROM generate_series(1, 10) AS n
      UNION ALL SELECT '{}', 1) AS f;
SELECT is((SELECT format('seed %s, filter %s: %s users instead of %s', seed, filter, cardinality(walked), cardinality(expected))
           FROM run, walks WHERE walked <> expected LIMIT 1),
          NULL, 'pages behind the last id, up or down, make up all users, each once ('
                || (SELECT sum(cardinality(walked)) FROM walks) || ' users)');

-- That all this says something.
SELECT cmp_ok((SELECT count(*) FROM answers), '>=', 3000::bigint, 'thousands of queries were compared');
SELECT is_empty($$SELECT field, op FROM pg_temp.operators EXCEPT SELECT field, op FROM known_sets$$,
                'every operator of every field was among them');
SELECT is_empty($$SELECT field FROM pg_temp.operators
                  EXCEPT SELECT field FROM known_sets WHERE matches > 0 AND matches < (SELECT count(*) FROM people)$$,
                'each field told some users from others');
SELECT is_empty($$SELECT op FROM pg_temp.operators
                  EXCEPT SELECT op FROM known_sets WHERE matches > 0 AND matches < (SELECT count(*) FROM people)$$,
                'and so did each operator');
SELECT cmp_ok((SELECT count(*) FROM answers WHERE kind <> 'sorted' AND cardinality(found) > 0), '>', (SELECT count(*) / 3 FROM answers),
              'enough queries found somebody');
SELECT cmp_ok((SELECT count(DISTINCT found) FROM answers), '>', (SELECT count(*) / 4 FROM answers), 'and not all the same users');
SELECT cmp_ok((SELECT max(cardinality(path)) FROM facts), '>=', 3, 'paths led into objects within objects');

SELECT * FROM finish();
ROLLBACK;
