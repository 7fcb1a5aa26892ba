-- stream_get_user, stream_get_users; roles; rights and declarations of the users room.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql

SELECT plan(32);

SELECT NULL FROM stream_upsert_users('[{"id":"bob","name":"Bob"}, {"id":"al"}, {"id":"gone"}]', false) \g /dev/null
UPDATE stream.users SET deleted_at = '2026-01-02 00:00:00+00', deleted_mode = 'soft' WHERE id = 'gone';

-- Reading
SELECT is(stream_get_user('bob')->>'name', 'Bob', 'a user is read by its id');
SELECT matches(stream_get_user('bob')->>'duration', '^[0-9]+\.[0-9]{2}ms$', 'the answer is the user, with the duration among its fields');
SELECT pg_temp.refused($$SELECT stream_get_user('nobody')$$, 'GetUser', 16, 'id', 'nobody', 'an unknown user is refused');
SELECT pg_temp.refused($$SELECT stream_get_user('gone')$$, 'GetUser', 16, 'id', 'gone', 'a deleted user is refused');
SELECT pg_temp.refused($$SELECT stream_get_user(NULL)$$, 'GetUser', 4, 'id', NULL, 'a null id is refused');
SELECT is(stream_get_user('gone', true)->'deleted_at', '1767312000000000000', 'a deleted user is read when asked for');
SELECT is((SELECT array_agg(key) FROM jsonb_object_keys(stream_get_users('{gone,bob,nobody,al,bob}')->'users') AS key),
          ARRAY['al', 'bob'], 'many users are read by their ids, unknown and deleted ones left out');
SELECT is((SELECT array_agg(key) FROM jsonb_object_keys(stream_get_users('{gone,bob}', true)->'users') AS key),
          ARRAY['bob', 'gone'], 'deleted users are read when asked for');
SELECT is(stream_get_users('{bob}')->'users'->'bob', stream_get_user('bob') - 'duration', 'one and many read the same object');
SELECT is(stream_get_users('{}')->'users', '{}', 'no ids give no users');
SELECT pg_temp.refused($$SELECT stream_get_users(NULL)$$, 'GetUsers', 4, 'ids', NULL, 'null ids are refused');
SELECT pg_temp.refused($$SELECT stream_get_users('{bob,NULL}')$$, 'GetUsers', 4, 'ids[1]', NULL, 'a null among the ids is refused');

-- Roles
SELECT is((SELECT jsonb_agg(r->'name') FROM jsonb_array_elements(stream_list_roles()->'roles') AS r),
          '["admin","anonymous","guest","moderator","user"]', 'the built-in roles are there, by name');
SELECT is((stream_create_role('boss')->'role') - 'created_at' - 'updated_at', '{"name":"boss","custom":true,"scopes":[]}',
          'a role is created');
SELECT is((SELECT r - 'created_at' - 'updated_at' FROM jsonb_array_elements(stream_list_roles()->'roles') AS r WHERE r->>'name' = 'admin'),
          '{"name":"admin","custom":false,"scopes":[]}', 'a built-in role says that it is no custom one');
SELECT is(stream_upsert_users('{"id":"chief","role":"boss"}')->'users'->'chief'->>'role', 'boss', 'a role that was created can be given');
SELECT pg_temp.refused($$SELECT stream_create_role('boss')$$, 'CreateRole', 4, 'name', NULL, 'a role that exists is refused');
SELECT pg_temp.refused($$SELECT stream_create_role('two words')$$, 'CreateRole', 4, 'name', NULL, 'a bad name is refused');
SELECT pg_temp.refused($$SELECT stream_create_role('')$$, 'CreateRole', 4, 'name', NULL, 'an empty name is refused');
SELECT pg_temp.refused($$SELECT stream_create_role(repeat('x', 65))$$, 'CreateRole', 4, 'name', NULL, 'a name of 65 characters is refused');
SELECT pg_temp.refused($$SELECT stream_create_role(NULL)$$, 'CreateRole', 4, 'name', NULL, 'a null name is refused');
SELECT pg_temp.refused($$SELECT stream_delete_role('boss')$$, 'DeleteRole', 4, 'name', NULL, 'a role in use stays');
UPDATE stream.users SET deleted_at = now(), deleted_mode = 'soft' WHERE id = 'chief';
SELECT pg_temp.refused($$SELECT stream_delete_role('boss')$$, 'DeleteRole', 4, 'name', NULL, 'the role of a user that can be restored stays');
UPDATE stream.users SET role = 'user', teams = '{red}', teams_role = '{"red":"boss"}' WHERE id = 'chief';
SELECT pg_temp.refused($$SELECT stream_delete_role('boss')$$, 'DeleteRole', 4, 'name', NULL, 'a role in use in a team stays');
UPDATE stream.users SET teams_role = NULL WHERE id = 'chief';
SELECT is((SELECT array_agg(key) FROM jsonb_object_keys(stream_delete_role('boss')) AS key), ARRAY['duration'], 'a role not in use is deleted');
SELECT pg_temp.refused($$SELECT stream_upsert_users('{"id":"chief2","role":"boss"}')$$, 'UpdateUsers', 4, 'role', 'chief2',
                       'a role that was deleted can''t be given');
SELECT pg_temp.refused($$SELECT stream_delete_role('boss')$$, 'DeleteRole', 16, 'name', NULL, 'an unknown role is refused');
SELECT pg_temp.refused(format('SELECT stream_delete_role(%L)', name), 'DeleteRole', 4, 'name', NULL, 'a built-in role stays')
  FROM (VALUES ('guest')) AS r (name);

-- Declarations
CREATE TEMPORARY VIEW room AS
SELECT p.oid, p.proname, p.prosecdef, p.proconfig, p.proacl, obj_description(p.oid, 'pg_proc') AS comment, p.pronargs, p.proargnames
  FROM pg_proc AS p
 WHERE p.proname IN ('stream_upsert_users', 'stream_patch_user', 'stream_patch_users', 'stream_get_user', 'stream_get_users',
                     'stream_create_role', 'stream_list_roles', 'stream_delete_role');
SELECT is((SELECT count(*) FROM room WHERE prosecdef AND proconfig = ARRAY['search_path=pg_catalog, pg_temp']), 8::bigint,
          'every function runs with its owner''s rights and a pinned search_path');
SELECT is_empty($$SELECT proname FROM room WHERE has_function_privilege('public', oid, 'EXECUTE')$$, 'nobody may call them unless granted');
SELECT is_empty($$SELECT proname FROM room WHERE comment IS NULL$$, 'every function is described');
SELECT is_empty($$SELECT proname, arg FROM room, unnest(proargnames) AS arg WHERE strpos(comment, E'\n' || arg || ':') = 0$$,
                'every argument is described');

SELECT * FROM finish();
ROLLBACK;
