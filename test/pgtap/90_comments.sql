-- What the extension shows to the outside: everything is described, nothing is open to everybody, and
-- the levels of rights give what they say and nothing else.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql

SELECT plan(35);

-- Comments
CREATE TEMP VIEW members AS
SELECT d.classid, d.objid
  FROM pg_depend AS d
  JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
 WHERE e.extname = 'stream_users' AND d.deptype = 'e'
   AND d.classid <> 'pg_type'::regclass; -- rows' own types, which PostgreSQL counts as members from 17 on
CREATE TEMP VIEW relations AS
SELECT objid AS oid FROM members WHERE classid = 'pg_class'::regclass;

SELECT cmp_ok((SELECT count(*) FROM relations), '>=', 30::bigint, 'the extension has its tables');
SELECT is_empty($$SELECT pg_describe_object(classid, objid, 0) FROM members
                   WHERE obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL$$,
                'everything that belongs to the extension is described');
SELECT is_empty($$SELECT pg_describe_object('pg_class'::regclass, a.attrelid, a.attnum)
                    FROM relations AS r JOIN pg_attribute AS a ON a.attrelid = r.oid
                   WHERE a.attnum > 0 AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL
                     AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = r.oid AND c.relkind <> 'S')$$,
                'every column is described');
SELECT is_empty($$SELECT pg_describe_object('pg_trigger'::regclass, t.oid, 0)
                    FROM relations AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid
                   WHERE NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL$$,
                'every trigger is described');
SELECT is_empty($$SELECT i.indexrelid::regclass
                    FROM relations AS r JOIN pg_index AS i ON i.indrelid = r.oid
                   WHERE NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)
                     AND obj_description(i.indexrelid, 'pg_class') IS NULL$$,
                'every index that is no constraint''s says what it is for');
LOAD 'stream_users'; -- which makes its settings known
SELECT is((SELECT bool_and(short_desc <> '' AND extra_desc <> '') FROM pg_settings WHERE name LIKE 'stream\_users.%'), true,
          'every setting is described');
SELECT is_empty($$SELECT pg_describe_object(classid, objid, 0) FROM members
                   WHERE obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) ~ '^\s|\s$'$$,
                'no description begins or ends with a blank');

-- Grants to everybody
SELECT is_empty($$SELECT p.oid::regprocedure FROM members JOIN pg_proc AS p ON p.oid = objid
                   WHERE classid = 'pg_proc'::regclass AND (p.prorettype <> 'trigger'::regtype OR p.prosecdef)
                     AND has_function_privilege('public', p.oid, 'EXECUTE')$$,
                'PUBLIC may execute nothing, nor make triggers with functions that run with the owner''s rights');
SELECT is_empty($$SELECT r.oid::regclass, a.privilege_type
                    FROM relations AS r JOIN pg_class AS c USING (oid) CROSS JOIN LATERAL aclexplode(c.relacl) AS a
                   WHERE a.grantee = 0
                   UNION ALL
                  SELECT t.attrelid::regclass, a.privilege_type
                    FROM relations AS r JOIN pg_attribute AS t ON t.attrelid = r.oid CROSS JOIN LATERAL aclexplode(t.attacl) AS a
                   WHERE a.grantee = 0$$,
                'PUBLIC has no right on a table, a column, a view or a sequence');
SELECT is_empty($$SELECT p.oid::regprocedure, arg FROM members JOIN pg_proc p ON p.oid = objid
                  CROSS JOIN LATERAL unnest(p.proargnames) AS arg
                  WHERE classid = 'pg_proc'::regclass AND obj_description(objid, 'pg_proc') !~ ('(^|\n)' || arg || ': ')$$,
                'the comment of a function explains each of its arguments');

-- A procedure that commits can't have a SET clause: the worker pins the path chunk by chunk.
SELECT results_eq($$SELECT p.proname FROM members JOIN pg_proc AS p ON p.oid = objid
                     WHERE classid = 'pg_proc'::regclass
                       AND COALESCE(p.proconfig, '{}') <> ARRAY['search_path=pg_catalog, pg_temp']$$,
                  $$VALUES ('stream_run_tasks'::name)$$, 'every function pins search_path, save the worker');

SELECT ok(NOT has_schema_privilege('public', 'stream', 'USAGE'), 'PUBLIC may not look into schema stream');

-- Levels
SELECT set_eq($$SELECT function::oid FROM stream.function_levels$$,
              $$SELECT p.oid FROM members JOIN pg_proc AS p ON p.oid = objid
                 WHERE classid = 'pg_proc'::regclass AND p.prorettype <> 'trigger'::regtype$$,
              'every function has a level');

-- What the role may execute once a call is made, by the levels of the functions.
CREATE FUNCTION pg_temp.may_execute_after(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE call;
    RETURN (SELECT string_agg(format('%s %s', level, CASE WHEN every THEN 'all' WHEN one THEN 'some' ELSE 'none' END),
                              ', ' ORDER BY array_position('{reader,writer,moderator,admin}', level))
              FROM (SELECT level, bool_and(has_function_privilege('comments_app', function, 'EXECUTE')) AS every,
                           bool_or(has_function_privilege('comments_app', function, 'EXECUTE')) AS one
                      FROM stream.function_levels GROUP BY level) AS l);
END
$$;

SELECT is(pg_temp.may_execute_after('CREATE ROLE comments_app'),
          'reader none, writer none, moderator none, admin none', 'a role may do nothing at first');
SELECT is(pg_temp.may_execute_after($$SELECT stream_grant('comments_app', 'reader')$$),
          'reader all, writer none, moderator none, admin none', 'a reader may read');
SELECT is(pg_temp.may_execute_after($$SELECT stream_grant('comments_app', 'writer')$$),
          'reader all, writer all, moderator none, admin none', 'a writer may read and write');
SELECT is(pg_temp.may_execute_after($$SELECT stream_grant('comments_app', 'moderator')$$),
          'reader all, writer all, moderator all, admin none', 'a moderator may deactivate too');
SELECT is(pg_temp.may_execute_after($$SELECT stream_grant('comments_app', 'admin')$$),
          'reader all, writer all, moderator all, admin all', 'an admin may do everything');
SELECT is(stream_grant('comments_app', 'admin') - 'duration', '{"level": "admin"}', 'granting a level again changes nothing and says so');
SELECT is_empty($$SELECT r.oid::regclass FROM relations AS r JOIN pg_class AS c USING (oid)
                   WHERE c.relkind IN ('r', 'v') AND r.oid <> 'stream.task_progress'::regclass
                     AND has_table_privilege('comments_app', r.oid, 'SELECT, INSERT, UPDATE, DELETE')$$,
                'no level gives a right on a table');

-- The functions run although the role has no right on what they read and write.
SET LOCAL ROLE comments_app;
SELECT is(stream_upsert_users('[{"id": "comments-a"}, {"id": "comments-b"}]', false) ->> 'created', '2', 'upsert runs');
SELECT is(stream_patch_user('comments-a', '{"name": "A"}') #>> '{user,name}', 'A', 'patch runs');
SELECT ok(stream_deactivate_user('comments-a') -> 'user' ? 'deactivated_at', 'deactivate runs');
SELECT ok(stream_delete_users('{comments-b}', 'hard', 'hard', 'hard') ? 'task_id', 'delete runs');
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT status FROM stream.task_progress WHERE kind = 'delete_users' ORDER BY created_at DESC LIMIT 1), 'completed',
          'the worker runs, and the progress of tasks can be watched');
SELECT throws_ok('SELECT FROM stream.tasks', '42501', NULL, 'the tables stay closed');
RESET ROLE;

-- Revoking
SELECT is(pg_temp.may_execute_after($$SELECT stream_revoke('comments_app', 'moderator')$$),
          'reader all, writer all, moderator none, admin none', 'revoking a level takes the ones above it and leaves those below');
SET LOCAL ROLE comments_app;
SELECT throws_ok($$SELECT stream_reactivate_user('comments-a')$$, '42501', NULL, 'what was revoked is refused');
SELECT throws_ok($$SELECT stream_grant('comments_app', 'admin')$$, '42501', NULL, 'a role can''t give itself a level');
SELECT is(stream_get_user('comments-a') ->> 'name', 'A', 'what was left runs');
RESET ROLE;
SELECT is(pg_temp.may_execute_after($$SELECT stream_revoke('comments_app', 'reader')$$),
          'reader none, writer none, moderator none, admin none', 'revoking the first level takes all of them');
SELECT ok(NOT has_schema_privilege('comments_app', 'stream', 'USAGE')
          AND NOT has_table_privilege('comments_app', 'stream.task_progress', 'SELECT'), 'and the view');
SET LOCAL ROLE comments_app;
SELECT throws_ok($$SELECT stream_get_user('comments-a')$$, '42501', NULL, 'nothing is left');
RESET ROLE;
SELECT pg_temp.refused($$SELECT stream_grant('comments_app', 'owner')$$, 'Grant', 4, 'level', NULL, 'an unknown level is refused');
SELECT pg_temp.refused($$SELECT stream_revoke('comments_app', NULL)$$, 'Revoke', 4, 'level', NULL, 'a null level is refused');

SELECT * FROM finish();
ROLLBACK;
