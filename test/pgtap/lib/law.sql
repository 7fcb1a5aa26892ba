-- What a deletion does to every row, held against a table of rules. To be included by \ir after a world
-- with everything() is made; the suite then fills rules, marking and runs and includes law_tests.sql.

CREATE TEMPORARY TABLE before AS SELECT * FROM pg_temp.everything();

-- The rules. Each one holds when the data it is governed by is deleted in one of its modes, and is
-- about the rows t of a table; $1 are the users of the deletion. Effects:
--
--   gone          the row is not there any more; stronger than anything else
--   marked        the mark says that the row is deleted, and by this deletion; a row that was marked
--                 before keeps its marks
--   emptied       marked where the table has a mark, and these columns have these values
--   cleared       this column, which held a user's id, is null; inside a document: is not there
--   left out      the users' ids are taken out of this list
--   unlinked      this column, which pointed to a row that is gone, is null
--   transferred   this column holds the new owner
--
-- A column inside a document is written as the path to it.
CREATE TEMPORARY TABLE rules (
    n integer GENERATED ALWAYS AS IDENTITY, governor text, modes text[], relation regclass, effect text,
    columns jsonb, rows text, rule text);

-- What happens to the users' own rows, whatever else there is.
INSERT INTO rules (governor, modes, relation, effect, columns, rows, rule) VALUES
    ('user', '{soft,pruning}', 'stream.users', 'marked', NULL, 't.id = ANY ($1)',
     'a soft-deleted or pruned user is marked deleted'),
    ('user', '{pruning}', 'stream.users', 'emptied',
     '{"name": null, "image": null, "custom": {}, "teams": [], "teams_role": null, "language": "", "invisible": false,
       "privacy_settings": null, "push_notifications": null, "online": false, "last_active": null,
       "avg_response_time": null, "deactivated_by_id": null}', 't.id = ANY ($1)',
     'a pruned user''s personal fields are emptied'),
    ('user', '{hard}', 'stream.users', 'gone', NULL, 't.id = ANY ($1)', 'a hard-deleted user is gone');

-- How a table marks rows: the column with the time, or a flag, and the one with the task. Where there
-- is none for the task, stream.marks remembers it.
CREATE TEMPORARY TABLE marking (relation text PRIMARY KEY, mark_column text, task_column text);
INSERT INTO marking VALUES ('stream.users', 'deleted_at', 'deleted_by_task');

CREATE TEMPORARY TABLE runs (
    run integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, users text[], chunk_rows integer,
    user_mode text, messages_mode text, conversations_mode text, calls_mode text, new_owner text, new_call_owner text,
    name text,
    announced jsonb,      -- what the dry run answered
    dry_changes text[],   -- rows that differ after the dry run
    status text, counts jsonb, task text,
    changes jsonb,        -- rows that were written: relation, key, contents (null: gone)
    remembered text[],    -- rows that stream.marks says this task marked
    traces text[],        -- rows in which any value, or any key of a document, is the id of one of the users
    leftovers bigint      -- rows in the queue's own tables that are still about the users
);

-- Adds all legal combinations of modes; names are what to call the users.
CREATE FUNCTION pg_temp.add_runs(users text[], chunk_rows integer, new_owner text, new_call_owner text, names text)
    RETURNS void LANGUAGE sql AS $$
    INSERT INTO runs (users, chunk_rows, user_mode, messages_mode, conversations_mode, calls_mode, new_owner,
                      new_call_owner, name)
    SELECT users, chunk_rows, u, m, c, v, new_owner, new_call_owner,
           format('%s: user %s, messages %s, conversations %s, calls %s', names,
                  COALESCE(u, '-'), COALESCE(m, '-'), COALESCE(c, '-'), COALESCE(v, '-'))
      FROM unnest('{NULL,soft,pruning,hard}'::text[]) WITH ORDINALITY AS user_modes (u, un),
           unnest('{NULL,soft,pruning,hard}'::text[]) WITH ORDINALITY AS messages_modes (m, mn),
           unnest('{NULL,soft,hard}'::text[]) WITH ORDINALITY AS conversations_modes (c, cn),
           unnest('{NULL,soft,hard}'::text[]) WITH ORDINALITY AS calls_modes (v, vn)
     WHERE COALESCE(u, m, c, v) IS NOT NULL
       AND (u IS DISTINCT FROM 'hard' OR (m = 'hard' AND c = 'hard') IS TRUE)
     ORDER BY un, mn, cn, vn
$$;

-- The rows that are not as they were before: changed, gone, new, or only written again.
CREATE FUNCTION pg_temp.changes() RETURNS TABLE (relation text, key text, contents jsonb) LANGUAGE sql AS $$
    SELECT COALESCE(b.relation, a.relation), COALESCE(b.key, a.key), a.contents
      FROM before AS b FULL JOIN pg_temp.everything() AS a ON a.relation = b.relation AND a.key = b.key
     WHERE (b.contents, b.place) IS DISTINCT FROM (a.contents, a.place)
$$;

-- The rows that hold one of the ids anywhere, as a value or as a key.
CREATE FUNCTION pg_temp.traces(users text[]) RETURNS text[] LANGUAGE sql AS $$
    SELECT ARRAY(SELECT format('%s %s', e.relation, e.key) FROM pg_temp.everything() AS e
                  WHERE EXISTS (SELECT FROM jsonb_path_query(e.contents, '$.** ? (@.type() == "string" || @.type() == "number")') AS v
                                 WHERE v #>> '{}' = ANY (users))
                     OR EXISTS (SELECT FROM jsonb_path_query(e.contents, 'strict $.** ? (@.type() == "object").keyvalue().key') AS k
                                 WHERE k #>> '{}' = ANY (users)))
$$;

-- Runs one combination, observes, and takes everything back.
CREATE FUNCTION pg_temp.observe(r runs) RETURNS runs LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
BEGIN
    PERFORM set_config('stream_users.chunk_rows', r.chunk_rows::text, true);
    r.announced := stream_delete_users(r.users, r.user_mode, r.messages_mode, r.conversations_mode, r.calls_mode,
                                       r.new_owner, r.new_call_owner, dry_run => true);
    r.dry_changes := ARRAY(SELECT c::text FROM pg_temp.changes() AS c
                           UNION ALL SELECT t::text FROM stream.tasks AS t
                           UNION ALL SELECT u::text FROM stream.task_users AS u);
    BEGIN
        r.task := stream_delete_users(r.users, r.user_mode, r.messages_mode, r.conversations_mode, r.calls_mode,
                                      r.new_owner, r.new_call_owner) ->> 'task_id';
        CALL stream_run_tasks(until_idle => true);
        answer := stream_get_task(r.task::uuid);
        r.status := pg_temp.ended(r.task);
        r.counts := answer -> 'result' -> 'counts';
        r.changes := (SELECT jsonb_agg(c) FROM pg_temp.changes() AS c);
        r.remembered := ARRAY(SELECT format('%s %s', relation, array_to_string(key, ' ')) FROM stream.marks
                               WHERE task = r.task::uuid ORDER BY 1);
        r.traces := pg_temp.traces(r.users);
        r.leftovers := (SELECT count(*) FROM stream.task_users) + (SELECT count(*) FROM stream.task_files)
                       + (SELECT count(*) FROM stream.marks WHERE task <> r.task::uuid);
        RAISE EXCEPTION USING ERRCODE = 'ZZ000';
    EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
        RETURN r;
    END;
END
$$;

CREATE FUNCTION pg_temp.is_marked(contents jsonb, of_relation text) RETURNS boolean LANGUAGE sql AS $$
    SELECT COALESCE(contents ->> mark_column, 'false') <> 'false' FROM marking WHERE relation = of_relation
$$;

-- A list without the users' ids: an array's elements, or an object's keys.
CREATE FUNCTION pg_temp.without(list jsonb, users text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE jsonb_typeof(list)
        WHEN 'array' THEN (SELECT COALESCE(jsonb_agg(e ORDER BY n), '[]') FROM jsonb_array_elements(list) WITH ORDINALITY AS l (e, n)
                            WHERE (e #>> '{}' = ANY (users)) IS NOT TRUE)
        ELSE list - users END
$$;
