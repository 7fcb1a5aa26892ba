-- Looks at every row of the tables that pg_temp.watched_tables() names. To be included by \ir, after that
-- function is made.

-- The columns of a table's primary key.
CREATE FUNCTION pg_temp.key_columns(relation regclass) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(a.attname::text ORDER BY k.n)
      FROM pg_index AS i, unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, n)
      JOIN pg_attribute AS a USING (attnum)
     WHERE i.indrelid = relation AND i.indisprimary AND a.attrelid = relation
$$;

-- Every row of every watched table: its table, its key as text, its contents, and where it lies, which
-- changes whenever it is written.
CREATE FUNCTION pg_temp.everything() RETURNS TABLE (relation text, key text, contents jsonb, place text)
    LANGUAGE plpgsql AS $$
DECLARE
    r regclass;
BEGIN
    FOR r IN SELECT * FROM pg_temp.watched_tables() LOOP
        RETURN QUERY EXECUTE format(
            'SELECT %L::text, concat_ws('' '', %s), to_jsonb(t), concat(t.ctid, t.xmin) FROM %s AS t', r::text,
            (SELECT string_agg(quote_ident(c), ', ') FROM unnest(pg_temp.key_columns(r)) AS c), r);
    END LOOP;
END
$$;

-- The rows that are not the same as they were, as a table before or after with the columns of
-- everything(). Of users updated_at is set aside, and online: whoever is deleted or deactivated has
-- gone offline.
CREATE FUNCTION pg_temp.differences(before_table regclass) RETURNS TABLE (relation text, key text)
    LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        SELECT COALESCE(b.relation, a.relation), COALESCE(b.key, a.key)
          FROM %s AS b FULL JOIN pg_temp.everything() AS a ON a.relation = b.relation AND a.key = b.key
         WHERE b.contents - CASE b.relation WHEN 'stream.users' THEN '{updated_at,online}' ELSE '{}' END::text[]
               IS DISTINCT FROM a.contents - CASE a.relation WHEN 'stream.users' THEN '{updated_at,online}' ELSE '{}' END::text[]
         ORDER BY 1, 2$q$, before_table);
END
$$;

-- How a task ended: its status and, unless it went well, why.
CREATE FUNCTION pg_temp.ended(task text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(': ', t ->> 'status', t -> 'error' ->> 'description') FROM stream_get_task(task::uuid) AS t
$$;

-- All of it and the queue as one value, which is the same only when nothing was written.
CREATE FUNCTION pg_temp.everything_and_queue() RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat_ws(E'\n',
        (SELECT string_agg(concat_ws(' ', relation, key, contents, place), E'\n' ORDER BY relation, key)
           FROM pg_temp.everything()),
        (SELECT string_agg(t::text, E'\n' ORDER BY t.seq) FROM stream.tasks AS t),
        (SELECT string_agg(u::text, E'\n' ORDER BY u.seq, u.user_id) FROM stream.task_users AS u),
        (SELECT string_agg(f::text, E'\n' ORDER BY f.seq, f.url) FROM stream.task_files AS f),
        (SELECT string_agg(e::text, E'\n' ORDER BY e.task_id, e.hash) FROM stream.erasures AS e),
        (SELECT string_agg(a::text, E'\n' ORDER BY a.task_id, a.hash) FROM stream.erasures_applied AS a),
        (SELECT string_agg(h::text, E'\n' ORDER BY h.user_id) FROM stream.holds AS h),
        (SELECT string_agg(e::text, E'\n' ORDER BY e.seq) FROM stream.events AS e)))
$$;
