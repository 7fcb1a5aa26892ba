-- Columns that look like they hold users' ids and are not bound. The reason ends with the call that
-- would bind the table; what its rows are to the user is a guess from the column's name.
CREATE FUNCTION stream_unbound_columns() RETURNS TABLE (relation regclass, column_name name, data_type text, reason text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
WITH learnt AS (
    SELECT b.user_column AS name, min(b.relation::text COLLATE "C") AS example
    FROM stream.bindings b
    WHERE b.match_column IS NULL AND b.user_column <> 'id'
    GROUP BY b.user_column
),
-- What a foreign key to a user can refer to: the users themselves, and application's tables that
-- are about a user.
targets AS (
    SELECT 'stream.users'::regclass AS relation, 'id'::name AS name
    UNION
    SELECT b.relation, b.user_column FROM stream.bindings b WHERE b.kind = 'personal' AND b.match_column IS NULL
),
candidates AS (
    SELECT c.oid AS relation, a.attname AS name, a.attnum, a.atttypid, a.atttypmod, e.typname::text AS element,
           e.oid <> t.oid AS list
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type d ON d.oid = a.atttypid
    JOIN pg_type t ON t.oid = CASE WHEN d.typtype = 'd' THEN d.typbasetype ELSE d.oid END
    JOIN pg_type e ON e.oid = CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND NOT EXISTS (SELECT
                      FROM pg_depend x JOIN pg_extension o ON o.oid = x.refobjid
                      WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid AND x.deptype = 'e'
                        AND x.refclassid = 'pg_extension'::regclass AND o.extname = 'stream_users')
      AND NOT EXISTS (SELECT FROM stream.bindings b WHERE b.relation = c.oid AND b.user_column = a.attname)
),
referring AS (
    SELECT f.conrelid AS relation, f.conkey[k.n] AS attnum,
           min(format('%s (%I)', f.confrelid::regclass, r.name)) AS target
    FROM pg_constraint f
    CROSS JOIN LATERAL generate_subscripts(f.conkey, 1) AS k (n)
    JOIN pg_attribute ra ON ra.attrelid = f.confrelid AND ra.attnum = f.confkey[k.n]
    JOIN targets r ON r.relation = f.confrelid AND r.name = ra.attname
    WHERE f.contype = 'f'
    GROUP BY 1, 2
),
suspects AS (
    SELECT c.*,
           CASE WHEN r.target IS NOT NULL THEN 'references ' || r.target
                WHEN l.name IS NOT NULL THEN format('is named like %s.%I, which is bound', l.example, l.name)
                ELSE 'is named like a user''s id' END AS why
    FROM candidates c
    LEFT JOIN referring r USING (relation, attnum)
    LEFT JOIN learnt l USING (name)
    WHERE r.target IS NOT NULL
       OR (c.element IN ('text', 'varchar', 'uuid', 'int8', 'int4')
           AND (l.name IS NOT NULL
                OR c.name ~ '^((.+_)?users?_?ids?|(author|owner|creator|member|sender|recipient)_ids?|(created|updated|deleted)_by(_id)?)$'))
)
SELECT s.relation::regclass, s.name, format_type(s.atttypid, s.atttypmod),
       format('%s: SELECT @extschema@.stream_bind_table(%L, %L, %L)', s.why, s.relation::regclass, s.name,
              CASE WHEN s.list OR s.name LIKE '%\_by%' THEN 'pointer'
                   WHEN s.name ~ '^(owner|creator)_id$' THEN 'owner'
                   WHEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = s.relation AND i.indisunique
                                AND i.indnkeyatts = 1 AND i.indkey[0] = s.attnum) THEN 'personal'
                   WHEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = s.relation AND i.indisprimary
                                AND s.attnum = ANY (i.indkey)) THEN 'member'
                   ELSE 'author' END)
FROM suspects s
ORDER BY s.relation::regclass::text COLLATE "C", s.attnum
$$;

REVOKE ALL ON FUNCTION stream_unbound_columns FROM PUBLIC;

COMMENT ON FUNCTION stream_unbound_columns() IS
'Columns of tables in this database that look like they hold users'' ids and that stream_bind_table has not bound, so that
deletion does not reach them: foreign keys to users or to a bound table about users, and columns whose name and type
are like those of bound ones. Partitions, temporary tables and the extension''s own tables are left out.
Returns rows of
relation: a table
column_name: its column
data_type: the column''s type
reason: what gave the column away, and the call that would bind it; whether the rows are an author''s, an owner''s, a
  member''s, a pointer or personal is a guess to be checked';
