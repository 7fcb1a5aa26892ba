-- To be included by \ir inside a test's transaction, behind the users that it is about. What
-- stream_query_users should answer, worked out in plain SQL from the contract and in another way: a
-- filter is read recursively, each condition becomes the set of the users that it holds for (a bit
-- a user, kept for the next filter that has the same condition), and combinations are set operations.

CREATE TEMPORARY TABLE people AS
SELECT row_number() OVER (ORDER BY id) - 1 AS n, u.*,
       coalesce(online AND deactivated_at IS NULL AND deleted_at IS NULL AND last_active > now(), false) AS present,
       EXISTS (SELECT FROM stream.bans AS b WHERE b.target_user_id = u.id AND b.channel_cid = '' AND NOT b.shadow
                                              AND coalesce(b.expires > now(), true)) AS banned,
       EXISTS (SELECT FROM stream.bans AS b WHERE b.target_user_id = u.id AND b.channel_cid = '' AND b.shadow
                                              AND coalesce(b.expires > now(), true)) AS shadow_banned
FROM stream.users AS u;
ALTER TABLE people ADD PRIMARY KEY (n);

-- Every value in custom data and the keys that lead to it, through objects only; custom data itself
-- lies behind no key.
CREATE TEMPORARY TABLE facts AS
WITH RECURSIVE fact AS (
    SELECT n, '{}'::text[] AS path, custom AS value FROM people
    UNION ALL
    SELECT f.n, f.path || e.key, e.value
    FROM fact AS f CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(f.value) = 'object' THEN f.value END) AS e)
SELECT row_number() OVER (ORDER BY n, path) AS k, f.* FROM fact AS f;
ALTER TABLE facts ADD PRIMARY KEY (k);
CREATE INDEX ON facts (path);

-- What follows each beginning of a word in a text, without case.
CREATE FUNCTION pg_temp.beginnings(value text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT lower(substr(value, p))
    FROM generate_series(1, length(value)) AS p
    WHERE p = 1 OR substr(value, p - 1, 1) ~ '[^[:alnum:]]'
$$;

CREATE TEMPORARY TABLE words AS
SELECT n, 'id' AS field, '{}'::text[] AS path, pg_temp.beginnings(id) AS text FROM people
UNION ALL
SELECT n, 'name', '{}', pg_temp.beginnings(name) FROM people
UNION ALL
SELECT n, 'custom', path, pg_temp.beginnings(value #>> '{}') FROM facts WHERE jsonb_typeof(value) = 'string'
UNION ALL
-- an empty text begins with the empty text
SELECT n, 'name', '{}', '' FROM people WHERE name = ''
UNION ALL
SELECT n, 'custom', path, '' FROM facts WHERE value = '""';
CREATE INDEX ON words (field, path);
ANALYZE people, facts, words;

-- The field of a name, and behind it the keys into custom data.
CREATE FUNCTION pg_temp.field_path(name text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN name IN ('id', 'name', 'role', 'teams', 'language', 'banned', 'shadow_banned', 'online', 'invisible', 'created_at',
                      'updated_at', 'last_active', 'deactivated_at', 'deleted_at') THEN ARRAY[name]
        WHEN keys[1] = 'custom' THEN keys
        ELSE ARRAY['custom'] || keys END
    FROM (SELECT array_agg(replace(replace(key, E'\u0001', '.'), E'\u0002', '\') ORDER BY place) AS keys
          FROM regexp_split_to_table(replace(replace(name, '\\', E'\u0002'), '\.', E'\u0001'), '\.')
               WITH ORDINALITY AS s (key, place)) AS s
$$;

-- A time as nanoseconds since the epoch: of a moment, or as a filter writes it.
CREATE FUNCTION pg_temp.nanoseconds(at timestamptz) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT extract(epoch FROM at) * 1000000000
$$;
CREATE FUNCTION pg_temp.nanoseconds(operand jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(operand) = 'number' THEN (operand #>> '{}')::numeric
                ELSE pg_temp.nanoseconds((part[1] || part[3])::timestamptz) + rpad(coalesce(part[2], ''), 9, '0')::numeric END
    FROM regexp_match(operand #>> '{}', '^([^.]*?)(?:\.([0-9]+))?(Z|[+-][0-9:]+)$') AS part
$$;

CREATE TEMPORARY TABLE moments AS
SELECT n, field, pg_temp.nanoseconds(at) AS at
FROM people, LATERAL (VALUES ('created_at', created_at), ('updated_at', updated_at), ('last_active', last_active),
                             ('deactivated_at', deactivated_at), ('deleted_at', deleted_at)) AS m (field, at)
WHERE at IS NOT NULL;
CREATE INDEX ON moments (field);
ANALYZE moments;

CREATE FUNCTION pg_temp.compares(a anycompatible, op text, b anycompatible) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE op WHEN '$eq' THEN a = b WHEN '$ne' THEN a <> b WHEN '$gt' THEN a > b WHEN '$gte' THEN a >= b WHEN '$lt' THEN a < b
                   ELSE a <= b END
$$;

-- The users that a condition holds for. $ne and $nin are no conditions of their own, but the opposite
-- of $eq and $in.
CREATE FUNCTION pg_temp.holding(field text, path text[], op text, operand jsonb) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
    wanted text := operand #>> '{}';
    listed text[] := ARRAY(SELECT jsonb_array_elements_text(CASE jsonb_typeof(operand) WHEN 'array' THEN operand END));
    moment numeric;
BEGIN
    IF op = '$autocomplete' THEN
        RETURN QUERY SELECT w.n FROM words AS w
            WHERE w.field = holding.field AND w.path = holding.path AND starts_with(w.text, lower(wanted));
    ELSIF field = 'custom' THEN
        RETURN QUERY SELECT f.n FROM facts AS f
            WHERE f.path = holding.path AND CASE
                WHEN op = '$exists' THEN true
                WHEN op = '$eq' THEN f.value = operand
                WHEN op = '$in' THEN f.value IN (SELECT jsonb_array_elements(operand))
                WHEN op = '$contains' AND jsonb_typeof(f.value) = 'array' THEN operand IN (SELECT jsonb_array_elements(f.value))
                WHEN op = '$contains' OR jsonb_typeof(f.value) <> jsonb_typeof(operand) THEN false
                WHEN jsonb_typeof(operand) = 'number' THEN pg_temp.compares((f.value #>> '{}')::numeric, op, wanted::numeric)
                WHEN jsonb_typeof(operand) = 'string' THEN pg_temp.compares(f.value #>> '{}', op, wanted)
                ELSE false END;
    ELSIF field = 'teams' THEN
        RETURN QUERY SELECT p.n FROM people AS p
            WHERE CASE WHEN wanted IS NULL THEN cardinality(p.teams) = 0
                       WHEN op = '$contains' THEN wanted IN (SELECT unnest(p.teams))
                       WHEN op = '$in' THEN EXISTS (SELECT unnest(p.teams) INTERSECT SELECT unnest(listed))
                       ELSE NOT EXISTS (SELECT unnest(p.teams) EXCEPT SELECT unnest(listed))
                        AND NOT EXISTS (SELECT unnest(listed) EXCEPT SELECT unnest(p.teams)) END;
    ELSIF field IN ('banned', 'shadow_banned', 'online', 'invisible') THEN
        RETURN QUERY SELECT p.n FROM people AS p
            WHERE CASE field WHEN 'banned' THEN p.banned WHEN 'shadow_banned' THEN p.shadow_banned WHEN 'online' THEN p.present
                             ELSE p.invisible END = operand::boolean;
    ELSIF field LIKE '%\_at' OR field = 'last_active' THEN
        IF op IN ('$eq', '$gt', '$gte', '$lt', '$lte') THEN
            moment := pg_temp.nanoseconds(operand);
        END IF;
        RETURN QUERY SELECT m.n FROM moments AS m
            WHERE m.field = holding.field
              AND CASE op WHEN '$exists' THEN true
                          WHEN '$in' THEN m.at IN (SELECT pg_temp.nanoseconds(e) FROM jsonb_array_elements(operand) AS e)
                          ELSE pg_temp.compares(m.at, op, moment) END;
    ELSIF field = 'id' OR field = 'role' THEN
        RETURN QUERY SELECT t.n
            FROM (SELECT p.n, CASE field WHEN 'id' THEN p.id ELSE p.role END COLLATE "C" AS value FROM people AS p) AS t
            WHERE CASE op WHEN '$exists' THEN true WHEN '$in' THEN t.value = ANY (listed)
                          ELSE pg_temp.compares(t.value COLLATE "C", op, wanted COLLATE "C") END;
    ELSE
        RETURN QUERY SELECT t.n
            FROM (SELECT p.n, CASE field WHEN 'name' THEN p.name ELSE p.language END AS value FROM people AS p) AS t
            WHERE CASE op WHEN '$exists' THEN t.value IS NOT NULL WHEN '$in' THEN t.value = ANY (listed)
                          ELSE pg_temp.compares(t.value, op, wanted) END;
    END IF;
END
$$;

-- The set of all.
CREATE TEMPORARY TABLE everybody AS SELECT repeat('1', count(*)::integer)::varbit AS users FROM people;

CREATE TEMPORARY TABLE known_sets (condition text PRIMARY KEY, field text, op text, users varbit, matches bigint);

-- One condition as a set: the bit of each user is 1 when it holds.
CREATE FUNCTION pg_temp.condition_set(name text, op text, operand jsonb) RETURNS varbit LANGUAGE plpgsql AS $$
DECLARE
    path text[] := pg_temp.field_path(name);
    negated boolean := op IN ('$ne', '$nin') OR op = '$exists' AND operand = 'false';
    plain text := CASE op WHEN '$ne' THEN '$eq' WHEN '$nin' THEN '$in' ELSE op END;
    asked text := concat_ws(' ', path::text, op, operand::text);
    result varbit;
BEGIN
    SELECT users INTO result FROM known_sets WHERE condition = asked;
    IF NOT FOUND THEN
        SELECT rpad(coalesce(string_agg(repeat('0', n - before - 1) || '1', '' ORDER BY n), ''), length(everybody.users), '0')::varbit
          INTO result
          FROM everybody
          LEFT JOIN (SELECT n::integer, lag(n, 1, -1::bigint) OVER (ORDER BY n)::integer AS before
                     FROM (SELECT DISTINCT holding AS n FROM pg_temp.holding(path[1], path[2:], plain, operand)) AS h) AS h ON true
         GROUP BY everybody.users;
        result := CASE WHEN negated THEN ~ result ELSE result END;
        INSERT INTO known_sets VALUES (asked, path[1], op, result, bit_count(result));
    END IF;
    RETURN result;
END
$$;

-- A whole filter as a set.
CREATE FUNCTION pg_temp.filter_set(filter jsonb) RETURNS varbit LANGUAGE plpgsql AS $$
DECLARE
    everybody varbit := (SELECT users FROM everybody);
    result varbit := everybody;
    any_of varbit;
    key text;
    value jsonb;
    part jsonb;
    op text;
BEGIN
    FOR key, value IN SELECT * FROM jsonb_each(filter) LOOP
        IF key = '$and' THEN
            FOR part IN SELECT jsonb_array_elements(value) LOOP
                result := result & pg_temp.filter_set(part);
            END LOOP;
        ELSIF key IN ('$or', '$nor') THEN
            any_of := ~ everybody;
            FOR part IN SELECT jsonb_array_elements(value) LOOP
                any_of := any_of | pg_temp.filter_set(part);
            END LOOP;
            result := result & CASE key WHEN '$or' THEN any_of ELSE ~ any_of END;
        ELSIF jsonb_typeof(value) = 'object' AND EXISTS (SELECT FROM jsonb_object_keys(value) AS k WHERE k LIKE '$%') THEN
            FOR op, part IN SELECT * FROM jsonb_each(value) LOOP
                result := result & pg_temp.condition_set(key, op, part);
            END LOOP;
        ELSE
            result := result & pg_temp.condition_set(key, '$eq', value);
        END IF;
    END LOOP;
    RETURN result;
END
$$;

-- The place of each user, by n, when all are sorted by a field: equal values share one, and who has
-- none comes behind all.
CREATE TEMPORARY TABLE known_ranks (path text[] PRIMARY KEY, ranks integer[]);

CREATE FUNCTION pg_temp.ranks_of(name text) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
    wanted text[] := pg_temp.field_path(name);
    result integer[];
BEGIN
    SELECT ranks INTO result FROM known_ranks WHERE path = wanted;
    IF NOT FOUND THEN
        IF wanted[1] = 'custom' THEN
            SELECT array_agg(coalesce(r.rank, 1000000) ORDER BY p.n) INTO result
            FROM people AS p
            LEFT JOIN (SELECT n, dense_rank() OVER (ORDER BY value) AS rank FROM facts
                       WHERE path = wanted[2:] AND value <> 'null') AS r USING (n);
        ELSE
            EXECUTE format($sql$SELECT array_agg(CASE WHEN %1$I IS NULL THEN 1000000 ELSE rank END ORDER BY n)
                                FROM (SELECT n, %1$I, dense_rank() OVER (ORDER BY %1$I) AS rank FROM people) AS p$sql$,
                           CASE wanted[1] WHEN 'online' THEN 'present' ELSE wanted[1] END) INTO result;
        END IF;
        INSERT INTO known_ranks VALUES (wanted, result);
    END IF;
    RETURN result;
END
$$;

-- The ids of a set, up or down.
CREATE FUNCTION pg_temp.ids_of(set varbit, direction integer) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY(SELECT id FROM people WHERE get_bit(set, n::integer) = 1 ORDER BY n * direction)
$$;

-- The ids that a query should answer with, in order.
CREATE FUNCTION pg_temp.expected(query jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    set varbit := pg_temp.filter_set(coalesce(query -> 'filter_conditions', '{}'));
    sort jsonb := coalesce(nullif(query -> 'sort', '[]'), '[{"field": "created_at", "direction": -1}]');
    keys integer := jsonb_array_length(sort);
    r1 integer[] := pg_temp.ranks_of(sort #>> '{0,field}');
    r2 integer[] := CASE WHEN keys > 1 THEN pg_temp.ranks_of(sort #>> '{1,field}') END;
    r3 integer[] := CASE WHEN keys > 2 THEN pg_temp.ranks_of(sort #>> '{2,field}') END;
    r4 integer[] := CASE WHEN keys > 3 THEN pg_temp.ranks_of(sort #>> '{3,field}') END;
    r5 integer[] := CASE WHEN keys > 4 THEN pg_temp.ranks_of(sort #>> '{4,field}') END;
    way integer[] := ARRAY(SELECT coalesce((sort #>> ARRAY[i::text, 'direction'])::integer, 1) FROM generate_series(0, 4) AS i);
    page text[];
BEGIN
    IF query -> 'include_deactivated_users' IS DISTINCT FROM 'true' THEN
        set := set & pg_temp.condition_set('deactivated_at', '$exists', 'false');
    END IF;
    IF query -> 'include_deleted_users' IS DISTINCT FROM 'true' THEN
        set := set & pg_temp.condition_set('deleted_at', '$exists', 'false');
    END IF;
    SELECT array_agg(id ORDER BY place) INTO page
    FROM (SELECT id, row_number() OVER () AS place
          FROM (SELECT p.id FROM people AS p
                WHERE get_bit(set, p.n::integer) = 1
                ORDER BY CASE WHEN r1[p.n + 1] = 1000000 THEN 1000000 ELSE r1[p.n + 1] * way[1] END,
                         CASE WHEN r2[p.n + 1] = 1000000 THEN 1000000 ELSE r2[p.n + 1] * way[2] END,
                         CASE WHEN r3[p.n + 1] = 1000000 THEN 1000000 ELSE r3[p.n + 1] * way[3] END,
                         CASE WHEN r4[p.n + 1] = 1000000 THEN 1000000 ELSE r4[p.n + 1] * way[4] END,
                         CASE WHEN r5[p.n + 1] = 1000000 THEN 1000000 ELSE r5[p.n + 1] * way[5] END,
                         p.n
                LIMIT coalesce(nullif((query ->> 'limit')::integer, 0), 30) OFFSET coalesce((query ->> 'offset')::integer, 0)) AS sorted
         ) AS numbered;
    RETURN coalesce(page, '{}');
END
$$;
