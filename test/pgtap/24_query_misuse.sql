-- stream_query_users against hostile and wrong queries: every operator of every field with every kind
-- of operand, values that break out of quotes elsewhere, and sizes out of bounds.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;

SELECT plan(16);

-- What a query is refused with, SQLSTATE and path; otherwise the ids that it finds.
CREATE FUNCTION pg_temp.outcome(query jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    RETURN 'found ' || coalesce((SELECT string_agg(u ->> 'id', ' ' ORDER BY u ->> 'id')
                                 FROM jsonb_array_elements(stream_query_users(query) -> 'users') AS u), 'nobody');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || coalesce(detail::jsonb ->> 'path', '');
END
$$;
CREATE FUNCTION pg_temp.filtered(filter jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.outcome(jsonb_build_object('filter_conditions', filter))
$$;

-- Each field's operators, and the kinds of operand that each of them takes: s(tring), n(umber), b(oolean),
-- 0 (null), a(rray of strings), t(ime as a string), T (array of times), o(bject), m (array of all kinds).
CREATE TEMPORARY TABLE fields (kind text, field text);
INSERT INTO fields VALUES
    ('id', 'id'), ('name', 'name'), ('role', 'role'), ('teams', 'teams'), ('language', 'language'), ('flag', 'banned'),
    ('flag', 'shadow_banned'), ('flag', 'online'), ('flag', 'invisible'), ('time', 'created_at'), ('time', 'updated_at'),
    ('time', 'last_active'), ('time', 'deactivated_at'), ('time', 'deleted_at'), ('custom', 'custom.x'), ('custom', 'x'),
    ('custom', 'custom');
CREATE TEMPORARY TABLE taken (kind text, op text, operands text);
INSERT INTO taken
SELECT kind, op, operands
FROM (VALUES ('id', '$eq $ne $gt $gte $lt $lte $autocomplete', 'st'), ('id', '$in $nin', 'eaT'), ('id', '$exists', 'b'),
             ('name', '$eq $gt $gte $lt $lte $autocomplete', 'st'), ('name', '$in', 'eaT'), ('name', '$exists', 'b'),
             ('role', '$eq $gt $gte $lt $lte', 'st'), ('role', '$in', 'eaT'), ('role', '$exists', 'b'),
             ('teams', '$eq', '0eaT'), ('teams', '$in', 'eaT'), ('teams', '$contains', '0st'),
             ('language', '$eq', 'st'), ('language', '$in', 'eaT'),
             ('flag', '$eq $ne', 'b'),
             ('time', '$eq $gt $gte $lt $lte', 'nt'), ('time', '$in', 'eT'), ('time', '$exists', 'b'),
             ('custom', '$eq $ne $contains', '0bnsteaTom'), ('custom', '$in $nin', 'eaTm'), ('custom', '$gt $gte $lt $lte', 'nst'),
             ('custom', '$exists', 'b'), ('custom', '$autocomplete', 'st')) AS t (kind, ops, operands),
     regexp_split_to_table(ops, ' ') AS op;
CREATE TEMPORARY TABLE operands (kind text, operand jsonb);
INSERT INTO operands VALUES
    ('0', 'null'), ('b', 'true'), ('n', '1704067200000000000'), ('s', '"x"'),
    ('t', '"2024-01-01T00:00:00Z"'), ('e', '[]'), ('a', '["x", "y"]'), ('T', '["2024-01-01T00:00:00Z"]'),
    ('o', '{"a": {"b": 1}}'), ('m', '["x", null, 1, {}, []]');

CREATE TEMPORARY TABLE matrix AS
SELECT f.field, p.op, o.kind, o.operand, t.operands IS NOT NULL AS known, strpos(t.operands, o.kind) > 0 AS fits,
       pg_temp.filtered(jsonb_build_object(f.field, jsonb_build_object(p.op, o.operand))) AS outcome
FROM fields AS f
CROSS JOIN regexp_split_to_table('$eq $ne $in $nin $contains $gt $gte $lt $lte $exists $autocomplete $regex $where', ' ') AS p (op)
CROSS JOIN operands AS o
LEFT JOIN taken AS t ON t.kind = f.kind AND t.op = p.op;
ALTER TABLE matrix ADD path text;
UPDATE matrix SET path = format('ST004 filter_conditions.%s.%s', field, op);

SELECT cmp_ok((SELECT count(*) FROM matrix), '>', 2000::bigint, 'fields, operators and operands were tried with each other');
SELECT is_empty($$SELECT field, op, operand, outcome FROM matrix WHERE known AND fits AND outcome NOT LIKE 'found %'$$,
                'an operator takes the operands that it should take');
SELECT is_empty($$SELECT field, op, operand, outcome FROM matrix WHERE NOT known AND outcome <> path$$,
                'an operator that a field has not is refused by its path');
SELECT is_empty($$SELECT field, op, operand, outcome FROM matrix
                  WHERE known AND NOT fits AND jsonb_typeof(operand) <> 'array' AND outcome <> path$$,
                'an operand of a wrong type is refused by its path');
SELECT is_empty($$SELECT field, op, operand, outcome FROM matrix
                  WHERE known AND NOT fits AND jsonb_typeof(operand) = 'array' AND outcome !~ ('^' || regexp_replace(path, '([$.])', '\\\1', 'g') || '(\[[01]\])?$')$$,
                'so is a list with a wrong element, by the element''s');
SELECT is_empty($$SELECT field, op, operand, outcome FROM matrix WHERE outcome !~ '^(found|ST004 )'$$, 'and nothing fails in another way');

-- Bare values and what is no condition.
SELECT is_empty($$SELECT f.field, o.operand, outcome
                  FROM fields AS f CROSS JOIN operands AS o LEFT JOIN taken AS t ON t.kind = f.kind AND t.op = '$eq',
                  LATERAL pg_temp.filtered(jsonb_build_object(f.field, o.operand)) AS outcome
                  WHERE (outcome LIKE 'found %') <> (strpos(t.operands, o.kind) > 0)
                     OR outcome NOT LIKE 'found %' AND outcome NOT LIKE 'ST004 filter\_conditions.' || f.field || '%'$$,
                'a bare value is taken or refused as an operand of $eq is');
SELECT is_empty($$SELECT op, operand, outcome
                  FROM regexp_split_to_table('$and $or $nor', ' ') AS op CROSS JOIN operands AS o,
                  LATERAL pg_temp.filtered(jsonb_build_object(op, operand)) AS outcome
                  WHERE outcome NOT LIKE 'ST004 filter\_conditions.' || op || '%'$$,
                'what is no list of filters does not combine');
SELECT is(pg_temp.filtered('{"$or": [{"id": "a"}, {"$and": [{"role": "x"}, {"$nor": [{"name": {"$in": ["a", 1]}}]}]}]}'),
          'ST004 filter_conditions.$or[1].$and[1].$nor[0].name.$in[1]', 'a path leads through any nesting');

-- Values that are stored are found again, each by itself, whatever they look like.
CREATE TEMPORARY TABLE hostile AS
SELECT 'h' || row_number() OVER () AS id, value
FROM unnest(ARRAY['''', '''''', '"', '\', '\\', '\''', '$1', '$99', '$x$', '; DROP TABLE stream.users; --', ''' OR true OR ''', ') OR (true',
                  '/*', '*/', '--', E'\n', E'\u0001', E'\u007f', '%s%n', '{}', '{"a":1}', '[', 'NULL', 'null', 'true', 'pg_sleep(9)', '\u0000',
                  '.*', '(((', '[[:alnum:]]', '(?i)x', '***=x', '***:(', repeat('x', 2000), 'é''漢字', '😀']) AS value;
SELECT NULL FROM stream_upsert_users((SELECT jsonb_agg(jsonb_build_object('id', id, 'name', value, 'teams', jsonb_build_array(value),
                                                                          'custom', jsonb_build_object('v', value, 'k', jsonb_build_object(value, 1))))
                                      FROM hostile)) \g /dev/null
CREATE FUNCTION pg_temp.key(value text) RETURNS text LANGUAGE sql AS $$ SELECT 'custom.k.' || replace(replace(value, '\', '\\'), '.', '\.') $$;
SELECT is_empty($$SELECT h.value, filter, outcome
                  FROM hostile AS h CROSS JOIN LATERAL (VALUES
                      (jsonb_build_object('name', value)), (jsonb_build_object('name', jsonb_build_object('$in', jsonb_build_array(value)))),
                      (jsonb_build_object('teams', jsonb_build_array(value))),
                      (jsonb_build_object('teams', jsonb_build_object('$contains', value))),
                      (jsonb_build_object('custom.v', value)), (jsonb_build_object('custom.v', jsonb_build_object('$in', jsonb_build_array(value)))),
                      (jsonb_build_object('v', jsonb_build_object('$gte', value, '$lte', value))),
                      (jsonb_build_object(pg_temp.key(value), 1)), (jsonb_build_object(pg_temp.key(value), jsonb_build_object('$exists', true))),
                      (jsonb_build_object('custom.k', jsonb_build_object(value, 1)))) AS f (filter),
                  LATERAL pg_temp.filtered(filter) AS outcome
                  WHERE outcome <> 'found ' || h.id AND NOT (filter ? 'custom.k' AND value LIKE '$%')$$,
                'what breaks out of quotes elsewhere is a value, or a key, like any other');
SELECT is_empty($$SELECT value, outcome
                  FROM hostile, LATERAL pg_temp.filtered(jsonb_build_object('name', jsonb_build_object('$autocomplete', value))) AS outcome
                  WHERE NOT CASE WHEN octet_length(value) > 255 THEN outcome = 'ST004 filter_conditions.name.$autocomplete'
                                 ELSE ' ' || substr(outcome, 7) || ' ' LIKE '% ' || id || ' %' END$$,
                'no letter is special to $autocomplete');
SELECT is_empty($$SELECT value, outcome
                  FROM hostile, LATERAL pg_temp.outcome(jsonb_build_object('sort', jsonb_build_array(jsonb_build_object('field', pg_temp.key(value))),
                                                                           'limit', 1)) AS outcome
                  WHERE outcome <> 'found ' || id$$, 'nor to the name of a field to sort by');

-- Sizes
SELECT is_empty($$SELECT field, outcome
                  FROM fields, LATERAL pg_temp.filtered(jsonb_build_object(field, repeat('9', 5000)::numeric)) AS outcome
                  WHERE outcome <> CASE kind WHEN 'custom' THEN 'found nobody' ELSE 'ST004 filter_conditions.' || field END$$,
                'a number of five thousand digits is a number, and no time');
SELECT is_empty($$SELECT n, outcome
                  FROM (VALUES (49), (50), (60), (5000)) AS nesting (n),
                  LATERAL pg_temp.filtered((repeat('{"$or": [', n) || '{"id": "h1"}' || repeat(']}', n))::jsonb) AS outcome
                  WHERE outcome <> CASE WHEN n < 50 THEN 'found h1' ELSE 'ST004 filter_conditions' END$$,
                'nesting is taken up to its bound, and refused behind it');
SELECT is(pg_temp.filtered(jsonb_build_object('id', jsonb_build_object('$in', (SELECT jsonb_agg('h' || n) FROM generate_series(36, 100000) AS n)))),
          'found h36', '$in takes a hundred thousand values');
SELECT is((SELECT count(*) FROM stream.users WHERE id LIKE 'h%'), 36::bigint, 'all users are still there');

SELECT * FROM finish();
ROLLBACK;
