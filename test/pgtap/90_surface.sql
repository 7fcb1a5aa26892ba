-- What the extension shows to the outside: everything explained, nothing open to everybody.
BEGIN;

-- Everything a person meets in \dx+, \df+ and \d+: functions, tables, views and their columns.
CREATE TEMP VIEW members AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'stream_users';

SELECT plan(14);
SELECT ok(count(*) >= 40, 'the extension has members') FROM members;
SELECT is_empty($$SELECT objid::regprocedure FROM members
                  WHERE classid = 'pg_proc'::regclass AND obj_description(objid, 'pg_proc') IS NULL$$,
                'every function and procedure has a comment');
SELECT is_empty($$SELECT objid::regclass FROM members JOIN pg_class c ON c.oid = objid
                  WHERE classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v') AND obj_description(objid, 'pg_class') IS NULL$$,
                'every table and view has a comment');
SELECT is_empty($$SELECT objid::regclass, a.attname FROM members JOIN pg_class c ON c.oid = objid
                  JOIN pg_attribute a ON a.attrelid = objid AND a.attnum > 0 AND NOT a.attisdropped
                  WHERE classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v') AND col_description(objid, a.attnum) IS NULL$$,
                'every column has a comment');
SELECT is_empty($$SELECT objid::regprocedure, arg FROM members JOIN pg_proc p ON p.oid = objid
                  CROSS JOIN LATERAL unnest(p.proargnames) AS arg
                  WHERE classid = 'pg_proc'::regclass AND obj_description(objid, 'pg_proc') !~ ('(^|\n)' || arg || ': ')$$,
                'the comment of a function explains each of its arguments');
SELECT set_eq($$SELECT p.proname FROM members JOIN pg_proc p ON p.oid = objid
                WHERE classid = 'pg_proc'::regclass
                  AND NOT COALESCE(p.proconfig::text LIKE '%search_path=pg_catalog, pg_temp%', false)$$,
              ARRAY['stream_run_tasks'::name],
              'every function pins search_path, save the worker, which does so itself chunk by chunk');
SELECT is_empty($$SELECT objid::regprocedure FROM members JOIN pg_proc p ON p.oid = objid
                  WHERE classid = 'pg_proc'::regclass AND p.prorettype <> 'trigger'::regtype
                    AND (p.proacl IS NULL OR p.proacl::text LIKE '%,=X%' OR p.proacl::text LIKE '{=X%')$$,
                'no function may be called by everybody');
SELECT is_empty($$SELECT objid::regclass FROM members JOIN pg_class c ON c.oid = objid
                  WHERE classid = 'pg_class'::regclass AND (c.relacl::text LIKE '%,=%' OR c.relacl::text LIKE '{=%')$$,
                'no table or view is open to everybody');

-- Levels of rights, for a role without any right on the tables.
CREATE ROLE surface_app;
SELECT stream_upsert_users('{"id": "surface"}', false);
SELECT stream_grant('surface_app', 'reader');
SET LOCAL ROLE surface_app;
SELECT is(stream_get_user('surface') ->> 'id', 'surface', 'a reader reads');
SELECT throws_ok($$SELECT stream_upsert_users('{"id": "surface"}')$$, '42501', NULL, 'a reader does not write');
SELECT throws_ok('SELECT * FROM stream.users', '42501', NULL, 'and has no right on the tables');
RESET ROLE;
SELECT stream_grant('surface_app', 'writer');
SET LOCAL ROLE surface_app;
SELECT is(stream_upsert_users('{"id": "surface", "name": "S"}', false) ->> 'updated', '1', 'a writer writes');
SELECT throws_ok($$SELECT stream_delete_users('{surface}')$$, '42501', NULL, 'a writer does not delete');
RESET ROLE;
SELECT stream_revoke('surface_app', 'reader');
SET LOCAL ROLE surface_app;
SELECT throws_ok($$SELECT stream_get_user('surface')$$, '42501', NULL, 'after its level is revoked a role may do nothing');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
