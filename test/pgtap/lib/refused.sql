-- To be included by \ir inside a test's transaction.

-- Everything a call on users may change, as one value.
CREATE FUNCTION pg_temp.contents() RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat_ws(E'\n',
        (SELECT string_agg(u::text, E'\n' ORDER BY u.id) FROM stream.users AS u),
        (SELECT string_agg(r::text, E'\n' ORDER BY r.name) FROM stream.roles AS r),
        (SELECT count(*) FROM stream.tasks),
        (SELECT count(*) FROM stream.task_users),
        (SELECT count(*) FROM stream.events)))
$$;

-- The versions of all users' rows and their locks: the same as before when nothing was written.
CREATE FUNCTION pg_temp.versions() RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg(concat_ws(' ', u.ctid, u.xmin, u.xmax), E'\n' ORDER BY u.id))
      FROM stream.users AS u
$$;

-- One test: the call is refused with this operation, code, path and id (null: not in DETAIL), and
-- nothing changed.
CREATE FUNCTION pg_temp.refused(
    call text, operation text, code integer, path text, id text, description text) RETURNS text
    LANGUAGE plpgsql AS $$
DECLARE
    before text := pg_temp.contents();
    state text;
    message text;
    detail text;
BEGIN
    BEGIN
        EXECUTE call;
        RETURN fail(description || E'\n  was not refused: ' || call);
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
            detail = PG_EXCEPTION_DETAIL;
    END;
    RETURN is(
        ARRAY[state, substring(message FROM '^(\w+) failed with error: ".+"$'), detail,
              CASE WHEN pg_temp.contents() = before THEN 'nothing changed' ELSE 'changed' END],
        ARRAY['ST' || lpad(code::text, 3, '0'), operation,
              (SELECT '{' || string_agg(format('"%s": %s', key, value), ', ' ORDER BY place) || '}'
                 FROM (VALUES (1, 'code', to_json(code)), (2, 'path', to_json(path)),
                              (3, 'id', to_json(id))) AS d (place, key, value)
                WHERE value IS NOT NULL),
              'nothing changed'],
        description);
END
$$;
