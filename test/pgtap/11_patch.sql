-- stream_patch_user, stream_patch_users: changing single fields.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql

SELECT NULL FROM stream_upsert_users(
    '[{"id":"bob","name":"Bob","image":"http://b","language":"en","teams":["red","blue"],
       "teams_role":{"red":"admin"},"privacy_settings":{"read_receipts":{"enabled":false}},
       "custom":{"a":{"b":1,"c":2},"list":[1],"text":"x","none":null}},
      {"id":"alice"}, {"id":"gone"}]', false) \g /dev/null
UPDATE stream.users SET deleted_at = now(), deleted_mode = 'soft' WHERE id = 'gone';

-- code 4 unless said otherwise; set and unset as they stand in the patch of bob.
CREATE TEMPORARY TABLE refusals (
    n integer GENERATED ALWAYS AS IDENTITY, set jsonb, unset text[], path text, rule text);
INSERT INTO refusals (set, unset, path, rule) VALUES
    ('{"id":"x"}', '{}', 'set.id', 'setting the id'),
    ('{}', '{id}', 'unset[0]', 'unsetting the id'),
    ('{"created_at":1}', '{}', 'set.created_at', 'setting created_at'),
    ('{}', '{name,devices}', 'unset[1]', 'unsetting devices'),
    ('{"banned":true}', '{}', 'set.banned', 'setting banned'),
    ('{"push_notifications.disabled":true}', '{}', 'set.push_notifications.disabled', 'reaching into what can''t be set'),
    ('{"role":"boss"}', '{}', 'set.role', 'an unknown role'),
    ('{"role":1}', '{}', 'set.role', 'a role that is a number'),
    ('{"name":1}', '{}', 'set.name', 'a name that is a number'),
    ('{"language":"xx"}', '{}', 'set.language', 'an unknown language'),
    ('{"invisible":"no"}', '{}', 'set.invisible', 'invisible that is a string'),
    ('{"custom":[]}', '{}', 'set.custom', 'custom that is an array'),
    ('{"teams":["red","red"]}', '{}', 'set.teams[1]', 'a team listed twice'),
    ('{"teams":["red",1]}', '{}', 'set.teams[1]', 'a team that is a number'),
    ('{"teams":["blue"]}', '{}', 'set.teams', 'leaving a team while keeping a role in it'),
    ('{}', '{teams}', 'unset[0]', 'unsetting the teams while keeping a role in one'),
    ('{"teams_role.green":"admin"}', '{}', 'set.teams_role.green', 'a role in a team that the user is not in'),
    ('{"teams_role.red":"boss"}', '{}', 'set.teams_role.red', 'an unknown role in a team'),
    ('{"privacy_settings.typing":{"enabled":true}}', '{}', 'set.privacy_settings.typing', 'an unknown privacy setting'),
    ('{"privacy_settings.read_receipts.enabled":1}', '{}', 'set.privacy_settings.read_receipts.enabled', 'enabled that is a number'),
    ('{}', '{privacy_settings.read_receipts.enabled}', 'unset[0]', 'a privacy setting left without enabled'),
    ('{"name.first":"x"}', '{}', 'set.name.first', 'reaching into a string'),
    ('{}', '{teams.0}', 'unset[0]', 'reaching into the teams'),
    ('{"custom.text.x":1}', '{}', 'set.custom.text.x', 'going through a string'),
    ('{"list.0":1}', '{}', 'set.list.0', 'going through an array'),
    ('{"custom.none.x":1}', '{}', 'set.custom.none.x', 'going through a null'),
    ('{}', '{a,custom.text.x}', 'unset[1]', 'going through a string to unset'),
    ('{"custom..a":1}', '{}', 'set.custom..a', 'an empty step'),
    ('{"":1}', '{}', 'set', 'an empty path to set'),
    ('{}', '{""}', 'unset[0]', 'an empty path to unset'),
    ('{"name":"x"}', '{name}', 'unset[0]', 'a path both set and unset'),
    ('{"custom.city":"x"}', '{city}', 'unset[0]', 'a path both set and unset, spelt in two ways'),
    ('{"city":1,"custom.city":2}', '{}', NULL, 'a path set twice, spelt in two ways'),
    ('{}', '{name,name}', NULL, 'a path unset twice'),
    ('{"custom":{},"city":1}', '{}', 'set.city', 'a path inside another'),
    ('{"a":1}', '{custom.a.b}', 'unset[0]', 'a path to unset inside one to set'),
    ('{"teams_role":{}}', '{teams_role.red}', 'unset[0]', 'a path inside another field'),
    ('[]', '{}', 'set', 'a set that is an array');

CREATE TEMPORARY TABLE list_refusals (
    n integer GENERATED ALWAYS AS IDENTITY, patches jsonb, code integer, path text, id text, rule text);
INSERT INTO list_refusals (patches, code, path, id, rule) VALUES
    ('[]', 4, 'users', NULL, 'an empty list'),
    ('{"users":[]}', 4, 'users', NULL, 'an empty list in the body'),
    ('{"users":{"bob":{"id":"bob"}}}', 4, 'users', NULL, 'a map'),
    ('{"id":"bob"}', 4, 'users', NULL, 'a bare patch'),
    ('"x"', 4, 'users', NULL, 'a string'),
    ('{"users":[{"id":"bob"}],"x":1}', 4, 'x', NULL, 'an unknown key beside users'),
    ('[{"id":"bob"},7]', 4, 'users[1]', NULL, 'a patch that is a number'),
    ('[{"set":{}}]', 4, 'users[0].id', NULL, 'a missing id'),
    ('[{"id":1}]', 4, 'users[0].id', NULL, 'an id that is a number'),
    ('[{"id":"bob","name":"x"}]', 4, 'users[0].name', 'bob', 'an unknown key in a patch'),
    ('[{"id":"bob","set":"x"}]', 4, 'users[0].set', 'bob', 'a set that is a string'),
    ('[{"id":"bob","unset":"x"}]', 4, 'users[0].unset', 'bob', 'an unset that is a string'),
    ('[{"id":"bob","unset":["name",1]}]', 4, 'users[0].unset[1]', 'bob', 'a path that is a number'),
    ('[{"id":"bob","set":{"name":"x"}},{"id":"alice","set":{"role":"boss"}}]', 4, 'users[1].set.role', 'alice', 'an unknown role in the second patch'),
    ('[{"id":"bob","set":{"name":"x"}},{"id":"bob","set":{"name":"y"}}]', 4, 'users[1].id', 'bob', 'the same id twice'),
    ('[{"id":"bob","set":{"name":"x"}},{"id":"nobody"}]', 16, 'users[1].id', 'nobody', 'an unknown user'),
    ('[{"id":"bob","set":{"name":"x"}},{"id":"gone"}]', 4, 'users[1].id', 'gone', 'a deleted user'),
    ('[{"id":"nobody"},{"id":"bob","set":{"id":"x"}}]', 16, 'users[0].id', 'nobody', 'an unknown user before a bad path'),
    ('[{"id":"bob","set":{"role":"boss"}},{"id":"nobody"}]', 4, 'users[0].set.role', 'bob', 'an unknown role before an unknown user'),
    ('[{"id":"bob","set":{"role":"boss"}},{"id":"alice","set":{"id":"x"}}]', 4, 'users[0].set.role', 'bob', 'an unknown role before a bad path');

SELECT plan((SELECT count(*)::integer FROM refusals) + (SELECT count(*)::integer FROM list_refusals) + 28);

SELECT pg_temp.refused(format('SELECT stream_patch_user(%L, %L::jsonb, %L::text[])', 'bob', set, unset),
                       'UpdateUsersPartial', 4, path, 'bob', rule || ' is refused')
  FROM refusals WHERE path IS NOT NULL ORDER BY n;
-- Which of two paths that mean the same is named does not matter.
SELECT throws_ok(format('SELECT stream_patch_user(%L, %L::jsonb, %L::text[])', 'bob', set, unset),
                 'ST004', NULL, rule || ' is refused')
  FROM refusals WHERE path IS NULL ORDER BY n;
SELECT pg_temp.refused(format('SELECT stream_patch_users(%L::jsonb)', patches),
                       'UpdateUsersPartial', code, path, id, rule || ' is refused in many patches')
  FROM list_refusals ORDER BY n;
SELECT pg_temp.refused($$SELECT stream_patch_user('nobody', '{"name":"x"}')$$, 'UpdateUsersPartial', 16, 'id', 'nobody',
                       'an unknown user is refused');
SELECT pg_temp.refused($$SELECT stream_patch_user('gone', '{"name":"x"}')$$, 'UpdateUsersPartial', 4, 'id', 'gone',
                       'a deleted user is refused');
SELECT pg_temp.refused($$SELECT stream_patch_user(NULL)$$, 'UpdateUsersPartial', 4, 'id', NULL, 'a null id is refused');
SELECT pg_temp.refused($$SELECT stream_patch_user('bob', '{}', '{a,NULL}')$$, 'UpdateUsersPartial', 4, 'unset[1]', NULL,
                       'a null path is refused');
SELECT pg_temp.refused($$SELECT stream_patch_users(NULL)$$, 'UpdateUsersPartial', 4, 'patches', NULL,
                       'null patches are refused');

-- What patches do. Each returns only the fields that it is about.
CREATE FUNCTION pg_temp.patched(set jsonb, unset text[], VARIADIC fields text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT coalesce(jsonb_object_agg(key, value), '{}')
      FROM jsonb_each(stream_patch_user('bob', set, unset)->'user') WHERE key = ANY (fields)
$$;

CREATE TEMPORARY TABLE before AS SELECT ctid AS version, stream_get_user('bob') - 'duration' AS bob FROM stream.users WHERE id = 'bob';
SELECT is(stream_patch_user('alice')->'user'->'updated_at', stream_get_user('alice')->'updated_at',
          'an empty patch is accepted');
SELECT is(pg_temp.patched('{"name":"Bob","custom.a.b":1,"custom.none":null}', '{custom.x.y}', 'updated_at')->'updated_at', bob->'updated_at',
          'a patch that changes nothing keeps updated_at') FROM before;
SELECT is((SELECT ctid FROM stream.users WHERE id = 'bob'), (SELECT version FROM before),
          'a patch that changes nothing makes no new version of the row');

SELECT is((stream_patch_user('bob', '{"name":"Robert"}')->'user') - 'updated_at', bob - 'updated_at' || '{"name":"Robert"}',
          'a patch changes the field it names and no other') FROM before;
SELECT ok((stream_get_user('bob')->'updated_at')::bigint > (bob->'updated_at')::bigint,
          'a patch that changes something moves updated_at') FROM before;
SELECT is(pg_temp.patched('{"role":"admin","image":"http://c","language":"fr-CA","invisible":true}', '{}', 'role', 'image', 'language', 'invisible'),
          '{"role":"admin","image":"http://c","language":"fr-CA","invisible":true}', 'several fields are set at once');
SELECT is(pg_temp.patched('{}', '{role,image,language,invisible,name}', 'role', 'image', 'language', 'invisible', 'name'),
          '{"role":"user","language":"","invisible":false}', 'unset fields go back to their defaults');
SELECT is(pg_temp.patched('{"name":null}', '{}', 'name'), '{}', 'a field set to null has no value');

SELECT is(pg_temp.patched('{"custom.a.b":9}', '{}', 'custom')->'custom',
          '{"a":{"b":9,"c":2},"list":[1],"text":"x","none":null}', 'a path reaches into custom');
SELECT is(pg_temp.patched('{"custom.new.x.y":[1],"custom.new.z":{"k":null}}', '{custom.a.c}', 'custom')->'custom',
          '{"a":{"b":9},"list":[1],"text":"x","none":null,"new":{"x":{"y":[1]},"z":{"k":null}}}',
          'missing objects on the way are made');
SELECT is(pg_temp.patched('{"city":"Rome","geo.lat":1.5}', '{list,new,custom.not.there}', 'custom')->'custom',
          '{"a":{"b":9},"text":"x","none":null,"city":"Rome","geo":{"lat":1.5}}',
          'a name that is no field means custom, and unsetting what is not there makes nothing');
SELECT is(pg_temp.patched('{"custom.role":"x","custom.none":0}', '{custom.a.b,geo.lat}', 'custom', 'role'),
          '{"role":"user","custom":{"a":{},"text":"x","none":0,"city":"Rome","geo":{},"role":"x"}}',
          'below custom every name is free, and an object that was emptied stays');
SELECT is(pg_temp.patched('{"custom":{"only":1}}', '{}', 'custom')->'custom', '{"only":1}', 'custom is replaced as a whole');
SELECT is(pg_temp.patched('{}', '{custom}', 'custom')->'custom', '{}', 'custom is emptied by unsetting it');
SELECT is(custom::text::jsonb, custom, 'what is stored is what its own text makes')
  FROM (SELECT stream_patch_user('bob', jsonb_object_agg('k' || i, i) || '{"deep.a.b.c":[1,"x",null,true,{"y":1.5}]}')->'user'->'custom'
          FROM generate_series(1, 100) AS i) AS p (custom);

SELECT is(pg_temp.patched('{"privacy_settings.typing_indicators.enabled":true}', '{}', 'privacy_settings')->'privacy_settings',
          '{"read_receipts":{"enabled":false},"typing_indicators":{"enabled":true}}', 'a path reaches into privacy_settings');
SELECT is(pg_temp.patched('{}', '{privacy_settings.typing_indicators,privacy_settings.read_receipts}', 'privacy_settings'), '{}',
          'without any setting there are no privacy_settings');
SELECT is(pg_temp.patched('{"teams_role.blue":"moderator"}', '{}', 'teams_role')->'teams_role',
          '{"red":"admin","blue":"moderator"}', 'a path reaches into teams_role');

INSERT INTO stream.channels (cid, type, id, team) VALUES ('chat:r', 'chat', 'r', 'red');
INSERT INTO stream.channel_members (cid, user_id) VALUES ('chat:r', 'bob');
SELECT is((SELECT array_agg(key ORDER BY key) FROM jsonb_object_keys(stream_patch_user('bob', '{"name":"B"}')) AS key),
          ARRAY['duration', 'user'], 'the response is the user and the duration');
CREATE TEMPORARY TABLE left_team AS SELECT stream_patch_user('bob', '{"teams":["blue"]}', '{teams_role.red}') AS response;
SELECT is((SELECT response->'user'->'teams' FROM left_team), '["blue"]', 'a team is left');
SELECT results_eq($$SELECT kind, user_id, detail FROM stream.task_users JOIN stream.tasks USING (seq), left_team
                     WHERE id::text = response->>'membership_deletion_task_id'$$,
                  $$VALUES ('leave_teams', 'bob' COLLATE "C", '["red"]'::jsonb)$$,
                  'leaving a team with memberships makes a task, whose id is returned');

UPDATE stream.users SET deactivated_at = now() WHERE id = 'alice';
SELECT is((SELECT jsonb_object_agg(key, value->'name') FROM jsonb_each(stream_patch_users(
              '{"users":[{"id":"bob","set":{"name":"B2"},"unset":null},{"id":"alice","set":{"name":"A2"},"unset":[]}]}')->'users')),
          '{"bob":"B2","alice":"A2"}', 'many users are patched by one call, deactivated ones too');
SELECT is((SELECT jsonb_object_agg(key, value->'custom') FROM jsonb_each(stream_patch_users('[{"id":"alice","set":{"x.y":1}}]')->'users')),
          '{"alice":{"x":{"y":1}}}', 'patches may be a bare list');

SELECT * FROM finish();
ROLLBACK;
