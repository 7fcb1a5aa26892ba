-- What a caller sees of the functions on users: messages, details and hints, and that calls which
-- change nothing write nothing. The rules one by one are in test/pgtap.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;

-- A user object without its times.
CREATE FUNCTION timeless(u jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT u - 'created_at' - 'updated_at' $$;

SELECT timeless(stream_upsert_users('{"id": "regress-bob", "name": "Bob", "teams": ["red"]}')->'users'->'regress-bob');
SELECT stream_upsert_users('{"users": {"regress-bob": {"id": "regress-bob", "role": "admin"},
                                       "regress-ann": {"id": "regress-ann"}}}', return_users => false) - 'duration';
SELECT timeless(stream_patch_user('regress-bob', set => '{"name": "Robert", "address.city": "Rome"}',
                                  unset => '{role}')->'user');
SELECT timeless(u.value) FROM jsonb_each(stream_get_users('{regress-bob,regress-ann,nobody}')->'users') AS u;

-- A call that changes nothing needs no transaction id.
BEGIN;
SELECT stream_upsert_users('[{"id": "regress-ann"}]', return_users => false) - 'duration';
SELECT pg_current_xact_id_if_assigned();
SELECT stream_upsert_users('[{"id": "regress-ann", "name": "Ann"}]', return_users => false) - 'duration';
SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS has_written;
ROLLBACK;

-- Refusals
SELECT stream_upsert_users('[{"id": "regress-new"}, {"id": "regress-x", "role": "boss"}]');
SELECT stream_upsert_users('{"users": {"bob": {"id": "alice"}}}');
SELECT stream_upsert_users('{"users": {"bob": {"id": "bob", "nick": "b"}}}');
SELECT stream_upsert_users('{"id": "b o b"}');
SELECT stream_upsert_users('{"id": "bob", "teams": {}}');
SELECT stream_upsert_users('[]');
SELECT stream_patch_user('regress-bob', '{"created_at": 1}');
SELECT stream_patch_user('regress-bob', '{"custom.a": 1, "custom.a.b": 2}');
SELECT stream_patch_user('regress-bob', '{"name.first": "R"}');
SELECT stream_patch_user('regress-bob', '{"custom.address.city.street": "x"}');
SELECT stream_patch_users('[{"id": "nobody", "set": {"name": "N"}}]');
SELECT stream_get_user('nobody');
UPDATE stream.users SET deleted_at = now(), deleted_mode = 'soft' WHERE id = 'regress-ann';
SELECT stream_upsert_users('{"id": "regress-ann"}');
SELECT stream_get_user('regress-ann');
UPDATE stream.users SET deleted_mode = 'pruning' WHERE id = 'regress-ann';
SELECT stream_upsert_users('{"id": "regress-ann"}');
UPDATE stream.users SET deleted_mode = 'hard' WHERE id = 'regress-ann';
SELECT stream_patch_user('regress-ann');
SELECT count(*) FROM stream.users WHERE id IN ('regress-new', 'regress-x', 'bob', 'alice');

-- Roles
SELECT timeless(stream_create_role('regress-role')->'role');
SELECT stream_create_role('regress-role');
SELECT stream_upsert_users('{"id": "regress-bob", "role": "regress-role"}', return_users => false) - 'duration';
SELECT stream_delete_role('regress-role');
SELECT stream_delete_role('admin');
SELECT stream_upsert_users('{"id": "regress-bob"}', return_users => false) - 'duration';
SELECT stream_delete_role('regress-role') - 'duration';

-- Nobody calls them unless granted.
CREATE ROLE regress_nobody;
SET ROLE regress_nobody;
SELECT stream_get_user('regress-bob');
SELECT stream_upsert_users('{"id": "regress-bob"}');
RESET ROLE;
DROP ROLE regress_nobody;

DELETE FROM stream.users WHERE id LIKE 'regress-%';
DROP FUNCTION timeless(jsonb);
