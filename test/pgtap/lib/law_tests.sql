-- Runs every combination of the table runs, and holds each row of the watched tables against the rules.
-- To be included by \ir, once law.sql's tables are filled; :further is how many tests the suite has besides.

UPDATE runs AS r
   SET (announced, dry_changes, status, counts, task, changes, remembered, traces, leftovers) =
       (SELECT o.announced, o.dry_changes, o.status, o.counts, o.task, o.changes, o.remembered, o.traces, o.leftovers
          FROM pg_temp.observe(r) AS o);

-- The rows that each rule is about, for each set of users.
CREATE TEMPORARY TABLE subjects (n integer, users text[], relation text, key text);
DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM rules, (SELECT DISTINCT users FROM runs) AS s ORDER BY n LOOP
        EXECUTE format('INSERT INTO subjects SELECT %s, $1, %L, concat_ws('' '', %s) FROM %s AS t WHERE %s', r.n, r.relation,
                       (SELECT string_agg('t.' || quote_ident(c), ', ') FROM unnest(pg_temp.key_columns(r.relation)) AS c),
                       r.relation, r.rows)
          USING r.users;
    END LOOP;
END
$$;

-- Which rules apply to which row in which run, and in which mode.
CREATE TEMPORARY TABLE applied AS
SELECT r.run, l.n, s.relation, s.key, l.effect, l.columns, m.mode
  FROM runs AS r,
       LATERAL (VALUES ('user', r.user_mode), ('messages', r.messages_mode),
                       ('conversations', r.conversations_mode), ('calls', r.calls_mode)) AS m (governor, mode)
  JOIN rules AS l ON l.governor = m.governor AND m.mode = ANY (l.modes)
  JOIN subjects AS s ON s.n = l.n
 WHERE s.users = r.users;

-- A row as one rule wants it.
CREATE FUNCTION pg_temp.lawful(contents jsonb, a applied, r runs) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    place text[] := CASE jsonb_typeof(a.columns) WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(a.columns)) END;
    heir text := CASE a.relation WHEN 'stream.calls' THEN r.new_call_owner ELSE r.new_owner END;
    m marking;
BEGIN
    IF a.effect IN ('marked', 'emptied') AND NOT pg_temp.is_marked(contents, a.relation) THEN
        SELECT * INTO m FROM marking WHERE relation = a.relation;
        contents := contents || jsonb_build_object(
            m.mark_column, CASE jsonb_typeof(contents -> m.mark_column) WHEN 'boolean' THEN 'true' ELSE '"now"' END::jsonb);
        IF m.task_column IS NOT NULL THEN
            contents := contents || jsonb_build_object(m.task_column, 'task');
        END IF;
        IF a.relation = 'stream.users' THEN
            contents := contents || jsonb_build_object('deleted_mode', a.mode, 'online', false, 'updated_at', 'now');
        END IF;
    END IF;
    RETURN CASE
        WHEN a.effect = 'emptied' THEN contents || a.columns
        WHEN a.effect IN ('cleared', 'unlinked') AND cardinality(place) = 1 THEN contents || jsonb_build_object(place[1], NULL)
        WHEN a.effect IN ('cleared', 'unlinked') THEN contents #- place
        WHEN a.effect = 'left out' THEN jsonb_set(contents, place, pg_temp.without(contents #> place, r.users))
        WHEN a.effect = 'transferred' THEN
            jsonb_set(contents, place, CASE jsonb_typeof(contents #> place) WHEN 'number' THEN heir::jsonb ELSE to_jsonb(heir) END)
        ELSE contents END;
END
$$;

-- A row as all rules want it, null when it is gone. What the run wrote is called now and task.
CREATE FUNCTION pg_temp.lawful(contents jsonb, rules applied[], r runs) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    a applied;
BEGIN
    FOREACH a IN ARRAY rules LOOP
        IF a.effect = 'gone' THEN
            RETURN NULL;
        END IF;
        contents := pg_temp.lawful(contents, a, r);
    END LOOP;
    RETURN contents;
END
$$;

-- What the run wrote is called now and task.
CREATE FUNCTION pg_temp.named(contents jsonb, of_relation text, task text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT contents
           || CASE WHEN jsonb_typeof(contents -> mark_column) = 'string' AND (contents ->> mark_column)::timestamptz >= now()
                   THEN jsonb_build_object(mark_column, 'now') ELSE '{}' END
           || CASE WHEN contents ->> task_column = task THEN jsonb_build_object(task_column, 'task') ELSE '{}' END
           || CASE WHEN of_relation = 'stream.users' AND (contents ->> 'updated_at')::timestamptz >= now()
                   THEN '{"updated_at": "now"}' ELSE '{}' END::jsonb
      FROM (SELECT) AS one LEFT JOIN marking ON relation = of_relation
$$;

-- Rows as the rules want them and as they are, for each run: those that any rule applies to, and
-- those that were written.
CREATE TEMPORARY TABLE compared AS
SELECT run, relation, key, a.rules, b.contents AS before,
       CASE WHEN a.rules IS NULL THEN b.contents ELSE pg_temp.lawful(b.contents, a.rules, r) END AS wanted,
       CASE WHEN c.key IS NULL THEN b.contents ELSE pg_temp.named(c.contents, relation, r.task) END AS found,
       a.rules IS NULL AS unlawful
  FROM (SELECT run, relation, key, array_agg(applied ORDER BY n) AS rules FROM applied GROUP BY run, relation, key) AS a
  FULL JOIN (SELECT run, c.* FROM runs, jsonb_to_recordset(changes) AS c (relation text, key text, contents jsonb)) AS c
       USING (run, relation, key)
  JOIN runs AS r USING (run)
  LEFT JOIN before AS b USING (relation, key);

-- What the counts must be: rows by table and mode. A row is counted once as gone, or as emptied, or as
-- marked, in the stronger mode when there are two, but where a pruned user's own rows go, which they do before
-- conversations; and once for each place in it that loses an id.
CREATE TEMPORARY TABLE counted AS
WITH strength (mode, n) AS (VALUES ('soft', 1), ('pruning', 2), ('hard', 3)),
handled AS (
    SELECT DISTINCT ON (c.run, c.relation, c.key) c.run, c.relation, c.key, ''::text AS place, a.mode
      FROM compared AS c, unnest(c.rules) AS a JOIN strength AS s ON s.mode = a.mode
     WHERE CASE WHEN c.wanted IS NULL THEN a.effect = 'gone'
                ELSE a.effect = 'emptied' OR (a.effect = 'marked' AND NOT pg_temp.is_marked(c.before, c.relation)) END
     ORDER BY c.run, c.relation, c.key, a.effect = 'emptied' DESC,
              a.n IN (SELECT n FROM rules WHERE governor = 'user' AND modes = '{pruning}' AND effect = 'gone') DESC, s.n DESC
    )
SELECT run, jsonb_object_agg(relation, modes) AS counts
  FROM (SELECT run, relation, jsonb_object_agg(mode, n) AS modes
          FROM (SELECT run, relation, mode, count(*) AS n
                  FROM (SELECT * FROM handled
                        UNION
                        SELECT c.run, c.relation, c.key, a.columns::text, CASE a.effect WHEN 'transferred' THEN 'transferred' ELSE 'cleared' END
                          FROM compared AS c, unnest(c.rules) AS a
                         WHERE c.wanted IS NOT NULL AND a.effect IN ('cleared', 'left out', 'transferred')) AS all_handled
                 GROUP BY 1, 2, 3) AS h GROUP BY 1, 2) AS r
 GROUP BY run;

-- What stream.marks must remember.
CREATE TEMPORARY TABLE to_remember AS
SELECT c.run, array_agg(format('%s %s', c.relation, c.key) ORDER BY format('%s %s', c.relation, c.key)) AS rows
  FROM compared AS c JOIN marking AS m USING (relation)
 WHERE m.task_column IS NULL AND c.wanted IS NOT NULL AND NOT pg_temp.is_marked(c.before, c.relation)
   AND pg_temp.is_marked(c.wanted, c.relation)
 GROUP BY c.run;

SELECT plan((SELECT count(*)::integer * 6 FROM runs) + (SELECT count(*)::integer FROM rules)
            + (SELECT count(*)::integer FROM runs WHERE user_mode = 'hard') + 1 + :further);

-- How much was looked at
SELECT diag(format('%s runs, %s rows in %s tables; %s rows compared',
                   (SELECT count(*) FROM runs), count(*), count(DISTINCT relation), (SELECT count(*) FROM runs) * count(*)))
  FROM before;

-- Each rule, over all runs in which it applies
SELECT is((SELECT format('%s in %s combinations', CASE WHEN count(*) > 0 THEN 'applied' ELSE 'no row' END,
                         CASE WHEN bool_and(c.wanted IS NOT DISTINCT FROM c.found) THEN 'all' ELSE 'not all' END)
             FROM compared AS c, unnest(c.rules) AS a
            WHERE a.n = l.n AND (l.effect = 'gone') = (c.wanted IS NULL)),
          'applied in all combinations', format('%s_mode %s: %s', l.governor, array_to_string(l.modes, ' or '), l.rule))
  FROM rules AS l ORDER BY n;

-- Each combination
SELECT is(status, 'completed', name || ': the task completes') FROM runs ORDER BY run;
SELECT is(dry_changes, '{}', name || ': the dry run changes nothing') FROM runs ORDER BY run;
SELECT is(counts, announced -> 'counts', name || ': the dry run announces what the task counts') FROM runs ORDER BY run;
SELECT is(r.counts, COALESCE(c.counts, '{}'), name || ': the counts are those of the rules') FROM runs AS r LEFT JOIN counted AS c USING (run) ORDER BY run;
SELECT is((SELECT string_agg(format(E'%s %s\n    wanted %s\n    found  %s', relation, key, wanted, found), E'\n' ORDER BY relation, key)
             FROM compared AS c WHERE c.run = r.run AND (unlawful OR wanted IS DISTINCT FROM found)),
          NULL, name || ': every row is as the rules say, and no other row is written')
  FROM runs AS r ORDER BY run;
SELECT is(r.remembered, COALESCE(m.rows, '{}'), name || ': stream.marks remembers just what has no other place for it')
  FROM runs AS r LEFT JOIN to_remember AS m USING (run) ORDER BY run;
SELECT is(traces, '{}', name || ': no row holds the id any more') FROM runs WHERE user_mode = 'hard' ORDER BY run;

SELECT is((SELECT sum(leftovers) FROM runs), 0::numeric, 'a completed task leaves nothing about its users in the queue');
