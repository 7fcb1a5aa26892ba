-- To be included by \ir inside a test's transaction, behind random_users.sql and query_reference.sql.
-- Random queries about those users: every field, every operator.

-- A time as a filter may write it: nanoseconds, or RFC 3339 with any offset and as many digits as it takes.
CREATE FUNCTION pg_temp.written_time(at timestamptz, nanoseconds integer) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    hours integer := pg_temp.pick(ARRAY[0, 0, 1, -2, 5, -11, 14]);
    minutes integer := pg_temp.pick(ARRAY[0, 30]);
    ahead interval := make_interval(hours => hours, mins => minutes * CASE WHEN hours < 0 THEN -1 ELSE 1 END);
    fraction text := '.' || to_char(at, 'US') || lpad(nanoseconds::text, 3, '0');
BEGIN
    IF random() < 0.5 THEN
        RETURN to_jsonb(trunc(pg_temp.nanoseconds(at)) + nanoseconds);
    END IF;
    IF random() < 0.7 THEN
        fraction := rtrim(rtrim(fraction, '0'), '.');
    END IF;
    RETURN to_jsonb(to_char((at AT TIME ZONE 'UTC') + ahead, 'YYYY-MM-DD"T"HH24:MI:SS') || fraction
                    || CASE WHEN ahead = '0' THEN 'Z'
                            ELSE CASE WHEN hours < 0 THEN '-' ELSE '+' END || lpad(abs(hours)::text, 2, '0') || ':' || lpad(minutes::text, 2, '0')
                       END);
END
$$;

-- A text near one that a user has: the same, another case, a beginning, a piece, a bit more.
CREATE FUNCTION pg_temp.near(value text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE floor(random() * 7)::integer
               WHEN 0 THEN upper(value)
               WHEN 1 THEN left(value, floor(random() * 6)::integer)
               WHEN 2 THEN substr(value, 1 + floor(random() * 6)::integer)
               WHEN 3 THEN value || pg_temp.random_word()
               ELSE value
           END
$$;

-- The name of a custom path in a filter: with custom before it, or without where that says the same.
CREATE FUNCTION pg_temp.path_name(path text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN cardinality(path) = 0 THEN 'custom'
                WHEN random() < 0.5 AND path[1] NOT IN ('name', 'id', 'custom') AND path[1] NOT LIKE '$%' THEN name
                ELSE 'custom.' || name END
    FROM (SELECT string_agg(replace(replace(key, '\', '\\'), '.', '\.'), '.' ORDER BY place) AS name
          FROM unnest(path) WITH ORDINALITY AS p (key, place)) AS joined
$$;

CREATE TABLE pg_temp.operators AS
SELECT field, op
FROM (VALUES ('id', '$eq $ne $in $nin $gt $gte $lt $lte $exists $autocomplete', 3),
             ('name', '$eq $in $gt $gte $lt $lte $exists $autocomplete', 4),
             ('role', '$eq $in $gt $gte $lt $lte $exists', 2),
             ('teams', '$eq $in $contains', 6),
             ('language', '$eq $in', 2),
             ('banned', '$eq $ne', 1), ('shadow_banned', '$eq $ne', 1), ('online', '$eq $ne', 1), ('invisible', '$eq $ne', 1),
             ('created_at', '$eq $gt $gte $lt $lte $in $exists', 3), ('updated_at', '$eq $gt $gte $lt $lte $in $exists', 3),
             ('last_active', '$eq $gt $gte $lt $lte $in $exists', 3), ('deactivated_at', '$eq $gt $gte $lt $lte $in $exists', 3),
             ('deleted_at', '$eq $gt $gte $lt $lte $in $exists', 3),
             ('custom', '$eq $ne $in $nin $contains $gt $gte $lt $lte $exists $autocomplete', 60)) AS f (field, ops, weight),
     regexp_split_to_table(ops, ' ') AS op,
     generate_series(1, weight);

CREATE FUNCTION pg_temp.random_person() RETURNS people LANGUAGE sql VOLATILE AS $$
    SELECT * FROM people WHERE n = (SELECT floor(random() * count(*))::bigint FROM people)
$$;

-- An operand of a custom condition near what is found at the path.
CREATE FUNCTION pg_temp.custom_operand(op text, path text[]) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    value jsonb := (SELECT f.value FROM facts AS f WHERE f.path = custom_operand.path ORDER BY random() LIMIT 1);
BEGIN
    IF random() < 0.15 THEN
        value := pg_temp.random_value(2);
    END IF;
    CASE op
        WHEN '$exists' THEN
            RETURN to_jsonb(random() < 0.5);
        WHEN '$autocomplete' THEN
            RETURN to_jsonb(left(pg_temp.near(coalesce(value #>> '{}', '')), 63)); -- 255 bytes at most
        WHEN '$in', '$nin' THEN
            RETURN (SELECT coalesce(jsonb_agg(o), '[]')
                    FROM (SELECT f.value AS o FROM facts AS f WHERE f.path = custom_operand.path ORDER BY random()
                          LIMIT floor(random() * 4)) AS others)
                || CASE WHEN random() < 0.8 THEN jsonb_build_array(value) ELSE '[]' END;
        WHEN '$contains' THEN
            RETURN CASE WHEN jsonb_typeof(value) = 'array' AND jsonb_array_length(value) > 0
                        THEN value -> floor(random() * jsonb_array_length(value))::integer ELSE value END;
        WHEN '$gt', '$gte', '$lt', '$lte' THEN
            RETURN CASE jsonb_typeof(value) WHEN 'number' THEN value WHEN 'string' THEN to_jsonb(pg_temp.near(value #>> '{}'))
                        ELSE pg_temp.pick(ARRAY['5', '"Bob"']::jsonb[]) END;
        ELSE
            RETURN value;
    END CASE;
END
$$;

-- An operand of a condition on a column near a user's value.
CREATE FUNCTION pg_temp.column_operand(field text, op text, person people) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    other people := pg_temp.random_person();
    at timestamptz := CASE field WHEN 'created_at' THEN person.created_at WHEN 'updated_at' THEN person.updated_at
                                 WHEN 'last_active' THEN person.last_active WHEN 'deactivated_at' THEN person.deactivated_at
                                 WHEN 'deleted_at' THEN person.deleted_at END;
    value text := CASE field WHEN 'id' THEN person.id WHEN 'name' THEN coalesce(person.name, 'Ann') WHEN 'role' THEN person.role
                             WHEN 'language' THEN person.language END;
BEGIN
    IF op = '$exists' OR field IN ('banned', 'shadow_banned', 'online', 'invisible') THEN
        RETURN to_jsonb(random() < 0.5);
    ELSIF field = 'teams' THEN
        IF op <> '$in' AND random() < 0.1 THEN
            RETURN 'null';
        ELSIF op = '$contains' THEN
            RETURN to_jsonb(coalesce(person.teams[1], 'red'));
        END IF;
        RETURN to_jsonb(CASE WHEN random() < 0.5 THEN person.teams ELSE pg_temp.random_teams() || person.teams[1:1] END);
    ELSIF field LIKE '%\_at' OR field = 'last_active' THEN
        IF op = '$in' THEN
            RETURN (SELECT coalesce(jsonb_agg(pg_temp.written_time(coalesce(at, pg_temp.random_time()), pg_temp.pick(ARRAY[0, 0, 0, 7]))), '[]')
                    FROM generate_series(1, floor(random() * 4)::integer));
        END IF;
        RETURN pg_temp.written_time(coalesce(at, pg_temp.random_time()), pg_temp.pick(ARRAY[0, 0, 1, 999]));
    ELSIF op IN ('$in', '$nin') THEN
        RETURN to_jsonb(array_remove((ARRAY[value, CASE field WHEN 'id' THEN other.id WHEN 'name' THEN other.name WHEN 'role' THEN other.role
                                                              ELSE other.language END, 'none'])[:floor(random() * 4)::integer], NULL));
    END IF;
    RETURN to_jsonb(CASE WHEN op IN ('$eq', '$ne') AND random() < 0.8 THEN value ELSE pg_temp.near(value) END);
END
$$;

-- A condition of any kind: {field: {operator: operand}}.
CREATE FUNCTION pg_temp.random_condition(field text, op text) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    path text[];
    operand jsonb;
BEGIN
    IF field <> 'custom' THEN
        operand := pg_temp.column_operand(field, op, pg_temp.random_person());
    ELSE
        SELECT f.path INTO path FROM facts AS f WHERE k = (SELECT 1 + floor(random() * max(k))::bigint FROM facts);
        IF random() < 0.05 THEN
            path := path || pg_temp.random_key();
        END IF;
        field := pg_temp.path_name(path);
        operand := pg_temp.custom_operand(op, path);
    END IF;
    operand := coalesce(operand, CASE WHEN op IN ('$in', '$nin') THEN '[]' ELSE '"nothing"' END::jsonb);
    -- A bare value means $eq, unless it is an object that could be one of operators.
    IF op = '$eq' AND random() < 0.3 AND jsonb_typeof(operand) <> 'object' THEN
        RETURN jsonb_build_object(field, operand);
    END IF;
    RETURN jsonb_build_object(field, jsonb_build_object(op, operand));
END
$$;

CREATE TEMPORARY TABLE conditions (k serial PRIMARY KEY, field text, op text, filter jsonb);
INSERT INTO conditions (field, op, filter)
SELECT field, op, pg_temp.random_condition(field, op)
FROM pg_temp.operators, generate_series(1, 2);

CREATE FUNCTION pg_temp.known_condition() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT filter FROM conditions WHERE k = (SELECT 1 + floor(random() * max(k))::integer FROM conditions)
$$;

-- Conditions side by side, and $and, $or and $nor of such, in each other.
CREATE FUNCTION pg_temp.random_filter(depth integer) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    filter jsonb := '{}';
    parts jsonb;
BEGIN
    FOR i IN 1 .. CASE WHEN depth = 0 THEN 1 ELSE floor(random() * 3)::integer END LOOP
        filter := filter || pg_temp.known_condition();
    END LOOP;
    FOR i IN 1 .. CASE WHEN depth = 0 THEN 0 ELSE pg_temp.pick(ARRAY[0, 1, 1, 2]) END LOOP
        parts := '[]';
        FOR j IN 1 .. 1 + floor(random() * 3)::integer LOOP
            parts := parts || jsonb_build_array(pg_temp.random_filter(depth - 1));
        END LOOP;
        filter := filter || jsonb_build_object(pg_temp.pick('{$and,$or,$or,$nor}'::text[]), parts);
    END LOOP;
    RETURN filter;
END
$$;

CREATE TEMPORARY TABLE sort_names AS
SELECT DISTINCT field AS name FROM pg_temp.operators
UNION
(SELECT pg_temp.path_name(path) FROM facts GROUP BY path ORDER BY count(*) DESC, path LIMIT 12);

CREATE FUNCTION pg_temp.random_sort() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_agg(CASE floor(random() * 3)::integer WHEN 0 THEN jsonb_build_object('field', name)
                                                       WHEN 1 THEN jsonb_build_object('field', name, 'direction', 1)
                                                       ELSE jsonb_build_object('field', name, 'direction', -1) END)
    FROM (SELECT name FROM sort_names ORDER BY random() LIMIT 1 + floor(random() * 5)) AS chosen
$$;

-- A whole query about a filter.
CREATE FUNCTION pg_temp.random_query(filter jsonb) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
               'sort', CASE WHEN random() < 0.7 THEN pg_temp.random_sort() END,
               'limit', CASE WHEN random() < 0.8 THEN pg_temp.pick(ARRAY[0, 1, 10, 100, 100]) END,
               'offset', CASE WHEN random() < 0.4 THEN pg_temp.pick(ARRAY[0, 1, 50, 1000]) END,
               'include_deactivated_users', CASE WHEN random() < 0.5 THEN pg_temp.chance(0.8) END,
               'include_deleted_users', CASE WHEN random() < 0.5 THEN pg_temp.chance(0.8) END))
        || jsonb_build_object('filter_conditions', filter)
$$;
