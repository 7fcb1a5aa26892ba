-- stream_upsert_users: creating and replacing.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql

CREATE TEMPORARY TABLE refusals (
    n integer GENERATED ALWAYS AS IDENTITY, request text, path text, id text, rule text);

-- Who is there before: an ordinary user, and one of each way to be deleted.
SELECT NULL FROM stream_upsert_users(
    '[{"id":"old","name":"Old"}, {"id":"soft"}, {"id":"pruned"}, {"id":"erased"}]', false) \g /dev/null
UPDATE stream.users SET deleted_at = now(), deleted_mode = 'soft' WHERE id = 'soft';
UPDATE stream.users SET deleted_at = now(), deleted_mode = 'pruning' WHERE id = 'pruned';
UPDATE stream.users SET deleted_at = now(), deleted_mode = 'hard' WHERE id = 'erased';

INSERT INTO refusals (request, path, id, rule) VALUES
    -- roles
    ('[{"id":"a"},{"id":"b","role":"boss"}]', 'users[1].role', 'b', 'an unknown role in a bare list'),
    ('{"users":[{"id":"a"},{"id":"b","role":"boss"}]}', 'users[1].role', 'b', 'an unknown role in a list'),
    ('{"users":{"a":{"id":"a"},"bob":{"id":"bob","role":"boss"}}}', 'users.bob.role', 'bob', 'an unknown role in a map'),
    ('{"id":"b","role":"boss"}', 'role', 'b', 'an unknown role in a bare object'),
    ('[{"id":"b","role":""}]', 'users[0].role', 'b', 'an empty role'),
    ('[{"id":"b","role":1}]', 'users[0].role', 'b', 'a role that is a number'),
    -- ids
    ('[{"id":"a b"}]', 'users[0].id', 'a b', 'an id with a blank'),
    ('[{"id":"é"}]', 'users[0].id', 'é', 'an id with a letter outside ASCII'),
    ('[{"id":"a.b"}]', 'users[0].id', 'a.b', 'an id with a dot'),
    ('[{"id":""}]', 'users[0].id', NULL, 'an empty id'),
    (format('[{"id":"%s"}]', repeat('x', 256)), 'users[0].id', repeat('x', 256), 'an id of 256 characters'),
    ('[{"id":null}]', 'users[0].id', NULL, 'an id that is null'),
    ('[{"id":7}]', 'users[0].id', NULL, 'an id that is a number'),
    ('[{"name":"x"}]', 'users[0].id', NULL, 'a missing id in a list'),
    ('{"name":"x"}', 'id', NULL, 'a missing id in a bare object'),
    ('{}', 'id', NULL, 'an empty object'),
    ('{"users":{"a":{"name":"x"}}}', 'users.a.id', NULL, 'a missing id in a map'),
    ('{"users":{"a":{"id":"b"}}}', 'users.a.id', 'b', 'a key and an id that differ'),
    ('[{"id":"a"},{"id":"b"},{"id":"a"}]', 'users[2].id', 'a', 'the same id twice'),
    -- types
    ('[{"id":"a","name":1}]', 'users[0].name', 'a', 'a name that is a number'),
    ('[{"id":"a","name":{}}]', 'users[0].name', 'a', 'a name that is an object'),
    ('[{"id":"a","image":true}]', 'users[0].image', 'a', 'an image that is a boolean'),
    ('[{"id":"a","custom":[]}]', 'users[0].custom', 'a', 'custom that is an array'),
    ('[{"id":"a","custom":"x"}]', 'users[0].custom', 'a', 'custom that is a string'),
    ('[{"id":"a","language":1}]', 'users[0].language', 'a', 'a language that is a number'),
    ('[{"id":"a","invisible":"true"}]', 'users[0].invisible', 'a', 'invisible that is a string'),
    ('[{"id":"a","teams":"red"}]', 'users[0].teams', 'a', 'teams that are a string'),
    ('[{"id":"a","teams":{"red":1}}]', 'users[0].teams', 'a', 'teams that are an object'),
    ('[{"id":"a","teams":["red",2]}]', 'users[0].teams[1]', 'a', 'a team that is a number'),
    ('[{"id":"a","teams":["red",null]}]', 'users[0].teams[1]', 'a', 'a team that is null'),
    ('[{"id":"a","teams":["red"],"teams_role":["red"]}]', 'users[0].teams_role', 'a', 'teams_role that is an array'),
    ('[{"id":"a","teams":["red"],"teams_role":{"red":1}}]', 'users[0].teams_role.red', 'a', 'a role in a team that is a number'),
    ('[{"id":"a","teams":["red"],"teams_role":{"red":null}}]', 'users[0].teams_role.red', 'a', 'a role in a team that is null'),
    ('[{"id":"a","privacy_settings":true}]', 'users[0].privacy_settings', 'a', 'privacy_settings that are a boolean'),
    ('[{"id":"a","privacy_settings":{"read_receipts":true}}]', 'users[0].privacy_settings.read_receipts', 'a', 'a privacy setting that is a boolean'),
    ('[{"id":"a","privacy_settings":{"read_receipts":{"enabled":1}}}]', 'users[0].privacy_settings.read_receipts.enabled', 'a', 'enabled that is a number'),
    ('[{"id":"a","privacy_settings":{"read_receipts":{"enabled":null}}}]', 'users[0].privacy_settings.read_receipts.enabled', 'a', 'enabled that is null'),
    ('[{"id":"a","privacy_settings":{"read_receipts":{}}}]', 'users[0].privacy_settings.read_receipts.enabled', 'a', 'a privacy setting that does not say whether it is enabled'),
    ('[{"id":"a"},"b"]', 'users[1]', NULL, 'a user that is a string'),
    ('{"users":{"a":[]}}', 'users.a', NULL, 'a user that is an array'),
    ('{"users":"a"}', 'users', NULL, 'users that are a string'),
    ('{"users":null}', 'users', NULL, 'users that are null in the body'),
    ('"a"', 'users', NULL, 'a request that is a string'),
    ('null', 'users', NULL, 'a request that is a JSON null'),
    -- unknown keys
    ('[{"id":"a"},{"id":"b","nick":"x"}]', 'users[1].nick', 'b', 'an unknown key in a list'),
    ('{"users":{"a":{"id":"a","nick":"x"}}}', 'users.a.nick', 'a', 'an unknown key in a map'),
    ('{"id":"a","nick":null}', 'nick', 'a', 'an unknown key in a bare object'),
    ('{"users":[{"id":"a"}],"presence":true}', 'presence', NULL, 'an unknown key beside users'),
    ('[{"id":"a","privacy_settings":{"typing":{"enabled":true}}}]', 'users[0].privacy_settings.typing', 'a', 'an unknown privacy setting'),
    ('[{"id":"a","privacy_settings":{"read_receipts":{"enabled":true,"x":1}}}]', 'users[0].privacy_settings.read_receipts.x', 'a', 'an unknown key in a privacy setting'),
    -- rules of single fields
    ('[{"id":"a","language":"english"}]', 'users[0].language', 'a', 'a language spelt out'),
    ('[{"id":"a","language":"EN"}]', 'users[0].language', 'a', 'a language in capitals'),
    ('[{"id":"a","language":"xx"}]', 'users[0].language', 'a', 'a language that ISO 639-1 does not know'),
    ('[{"id":"a","language":"en_US"}]', 'users[0].language', 'a', 'a region after an underscore'),
    ('[{"id":"a","teams":["red","blue","red"]}]', 'users[0].teams[2]', 'a', 'a team listed twice'),
    ((SELECT jsonb_build_array(jsonb_build_object('id', 'a', 'teams', jsonb_agg('t' || i)))::text
        FROM generate_series(1, 251) AS i), 'users[0].teams', 'a', '251 teams'),
    ('[{"id":"a","teams":["red"],"teams_role":{"red":"boss"}}]', 'users[0].teams_role.red', 'a', 'an unknown role in a team'),
    ('[{"id":"a","teams":["red"],"teams_role":{"blue":"admin"}}]', 'users[0].teams_role.blue', 'a', 'a role in a team that the user is not in'),
    -- deleted users
    ('[{"id":"a"},{"id":"soft"}]', 'users[1].id', 'soft', 'a soft-deleted user'),
    ('{"users":{"pruned":{"id":"pruned"}}}', 'users.pruned.id', 'pruned', 'a pruned user'),
    ('{"id":"erased"}', 'id', 'erased', 'a user that is being hard-deleted'),
    -- empty requests
    ('[]', 'users', NULL, 'an empty bare list'),
    ('{"users":[]}', 'users', NULL, 'an empty list'),
    ('{"users":{}}', 'users', NULL, 'an empty map'),
    -- the first bad entry
    ('[{"id":"a"},{"id":"soft"},{"id":"b","role":"boss"}]', 'users[1].id', 'soft', 'a deleted user before an unknown role'),
    ('[{"id":"a"},{"id":"b","role":"boss"},{"id":"soft"}]', 'users[1].role', 'b', 'an unknown role before a deleted user'),
    ('[{"id":"a"},{"id":"a"},{"id":"b","role":"boss"}]', 'users[1].id', 'a', 'an id a second time before an unknown role'),
    ('[{"id":"z"},{"id":"soft"},{"id":"z"}]', 'users[1].id', 'soft', 'a deleted user before an id a second time'),
    ('[{"id":"z"},{"id":"z"},{"id":"soft"}]', 'users[1].id', 'z', 'an id a second time before a deleted user');

SELECT plan((SELECT count(*)::integer FROM refusals) + 31);

SELECT pg_temp.refused(format('SELECT stream_upsert_users(%L::jsonb)', request),
                       'UpdateUsers', 4, path, id, rule || ' is refused')
  FROM refusals ORDER BY n;
SELECT pg_temp.refused('SELECT stream_upsert_users(NULL)', 'UpdateUsers', 4, 'users', NULL,
                       'a null request is refused');

-- Creating
CREATE TEMPORARY TABLE shapes AS
SELECT shape, stream_upsert_users(request) AS response
  FROM (VALUES ('map', '{"users":{"s1":{"id":"s1","name":"S"}}}'::jsonb),
               ('list', '{"users":[{"id":"s2","name":"S"}]}'),
               ('bare list', '[{"id":"s3","name":"S"}]'),
               ('bare object', '{"id":"s4","name":"S"}')) AS s (shape, request);
SELECT is(response->'users'->id->>'name', 'S', 'a ' || shape || ' creates its user')
  FROM shapes, jsonb_object_keys(response->'users') AS id ORDER BY shape;
SELECT is((SELECT array_agg(key ORDER BY key) FROM jsonb_object_keys(
               (SELECT response FROM shapes WHERE shape = 'map')) AS key),
          ARRAY['duration', 'membership_deletion_task_id', 'users'],
          'the response holds the users, the task and the duration');
SELECT is((SELECT response->>'membership_deletion_task_id' FROM shapes WHERE shape = 'map'), '',
          'the task''s id is empty when there was nothing to do');
SELECT matches((SELECT response->>'duration' FROM shapes WHERE shape = 'map'), '^\d+\.\d\dms$',
               'the duration is in milliseconds');

SELECT is((stream_upsert_users('{"id":"plain"}')->'users'->'plain') - 'created_at' - 'updated_at',
          '{"id":"plain","role":"user","custom":{},"teams":[],"language":"","invisible":false,
            "banned":false,"shadow_banned":false,"online":false,"blocked_user_ids":[],"devices":[],
            "mutes":[],"channel_mutes":[],"unread_count":0,"total_unread_count":0,
            "unread_channels":0,"unread_threads":0}'::jsonb,
          'a user of which only the id is given has every field that is always there, and no other');

CREATE TEMPORARY TABLE whole AS
SELECT '{"id":"whole","role":"admin","name":"W","image":"http://w","language":"fr-CA","invisible":true,
         "custom":{"n":null,"list":[1,{"x":1.50}],"deep":{"er":{"est":"ü\"\\"}}},
         "teams":["red","b\"l\\u","a,b","{}","NULL",""],"teams_role":{"red":"moderator"},
         "privacy_settings":{"read_receipts":{"enabled":false},"typing_indicators":{"enabled":true}}}'::jsonb AS given;
CREATE TEMPORARY TABLE kept AS
SELECT stream_upsert_users(given)->'users'->'whole' AS as_answered FROM whole;
SELECT ok((SELECT as_answered @> given FROM kept, whole), 'every settable field comes back as it was given');
SELECT is((SELECT jsonb_build_object('id', id, 'role', role, 'name', name, 'image', image, 'language', language,
                  'invisible', invisible, 'custom', custom, 'teams', teams, 'teams_role', teams_role,
                  'privacy_settings', privacy_settings) FROM stream.users WHERE id = 'whole'),
          (SELECT given FROM whole), 'every settable field is stored as it was given');
SELECT is((SELECT as_answered->>'created_at' FROM kept),
          (SELECT (extract(epoch FROM created_at) * 1000000)::bigint || '000' FROM stream.users WHERE id = 'whole'),
          'times are epoch nanoseconds');
SELECT is((SELECT as_answered::text::jsonb FROM kept), (SELECT as_answered FROM kept),
          'the response is the jsonb that its own text makes');
SELECT is((SELECT pg_column_size(as_answered::text::jsonb) FROM kept), (SELECT pg_column_size(as_answered) FROM kept),
          'the response is as compact as PostgreSQL''s own jsonb');
SELECT lives_ok($$SELECT stream_upsert_users(jsonb_build_object('id', 'many', 'teams', jsonb_agg('t' || i)))
                    FROM generate_series(1, 250) AS i$$, '250 teams are accepted');
SELECT is((stream_upsert_users('{"id":"nulls","role":null,"name":null,"custom":null,"teams":null,"teams_role":null,
                  "language":null,"invisible":null,"image":null,"privacy_settings":{"read_receipts":null},"banned":null}')
              ->'users'->'nulls') - 'id' - 'created_at' - 'updated_at',
          stream_get_user('plain') - 'id' - 'created_at' - 'updated_at' - 'duration',
          'null counts as left out');

-- Nothing changes
CREATE TEMPORARY TABLE before AS SELECT pg_temp.contents() AS contents, pg_temp.versions() AS versions;
SELECT is(stream_upsert_users((SELECT given FROM whole), false) - 'duration',
          '{"created":0,"updated":0,"unchanged":1}', 'a replacement by the same is counted as unchanged');
SELECT is(stream_upsert_users((SELECT as_answered FROM kept))->'users'->'whole', (SELECT as_answered FROM kept),
          'a user that was read may be sent back');
SELECT is(ARRAY[pg_temp.contents(), pg_temp.versions()], ARRAY[contents, versions],
          'a replacement that changes nothing writes nothing') FROM before;

SELECT is(stream_upsert_users(stream_get_user('whole'), false) - 'duration',
          '{"created":0,"updated":0,"unchanged":1}', 'the answer of stream_get_user may be sent back as it is');

-- Replacing
UPDATE stream.users SET online = true, last_active = now(), avg_response_time = 9,
       push_notifications = '{"disabled": true}', revoke_tokens_issued_before = '2026-01-02',
       created_at = '2025-01-01', deactivated_at = '2026-01-03' WHERE id = 'whole';
INSERT INTO stream.devices (user_id, id, push_provider) VALUES ('whole', 'd', 'apn');
CREATE TEMPORARY TABLE replaced AS
SELECT u - 'updated_at' AS before, stream_upsert_users('{"id":"whole","name":"V","online":false,"deactivated_at":null}')->'users'->'whole' AS after
  FROM stream_get_user('whole') AS g, LATERAL (SELECT g - 'duration') AS u (u);
SELECT is((SELECT after - 'updated_at' FROM replaced),
          (SELECT (before - ARRAY['image', 'teams_role', 'privacy_settings'])
                  || '{"name":"V","role":"user","custom":{},"teams":[],"language":"","invisible":false}' FROM replaced),
          'a replacement puts back to its default what is left out, and keeps what callers can''t set');
SELECT ok((SELECT after ? 'deactivated_at' AND after ? 'push_notifications' AND jsonb_array_length(after->'devices') = 1 FROM replaced),
          'a deactivated user is replaced and stays deactivated');
SELECT ok((SELECT (after->'updated_at')::bigint > (as_answered->'updated_at')::bigint FROM replaced, kept),
          'a replacement that changes something moves updated_at');
SELECT is(stream_upsert_users('[{"id":"new"},{"id":"old","name":"New"},{"id":"plain"}]', false) - 'duration',
          '{"created":1,"updated":1,"unchanged":1}', 'without the users the answer is the counts');

-- Leaving teams
SELECT NULL FROM stream_upsert_users('[{"id":"m1","teams":["red","blue"]},{"id":"m2","teams":["red"]},{"id":"m3","teams":["red"]}]') \g /dev/null
INSERT INTO stream.channels (cid, type, id, team) VALUES ('chat:r', 'chat', 'r', 'red'), ('chat:b', 'chat', 'b', 'blue');
INSERT INTO stream.channel_members (cid, user_id) VALUES ('chat:r', 'm1'), ('chat:b', 'm1'), ('chat:r', 'm2');
SELECT is(stream_upsert_users('{"id":"m3"}')->>'membership_deletion_task_id', '',
          'leaving a team without memberships needs no task');
CREATE TEMPORARY TABLE leaving AS
SELECT stream_upsert_users('[{"id":"m2","teams":["red"],"name":"x"},{"id":"m1","teams":["blue"]}]')->>'membership_deletion_task_id' AS task;
SELECT is((SELECT kind FROM stream.tasks WHERE id::text = (SELECT task FROM leaving)), 'leave_teams',
          'leaving a team with memberships makes a task, whose id is returned');
SELECT results_eq($$SELECT user_id, detail FROM stream.task_users JOIN stream.tasks USING (seq)
                     WHERE id::text = (SELECT task FROM leaving)$$,
                  $$VALUES ('m1' COLLATE "C", '["red"]'::jsonb)$$,
                  'the task is about the users who left, and the teams they left');
SELECT ok(stream_upsert_users('{"id":"m1"}', false) ? 'membership_deletion_task_id',
          'the counts name the task too when there is one');

-- Many
CREATE TEMPORARY TABLE many AS
SELECT jsonb_agg(jsonb_build_object('id', 'u' || i, 'name', 'User ' || i, 'custom', jsonb_build_object('n', i))) AS request
  FROM generate_series(1, 100000) AS i;
SELECT is(stream_upsert_users(request, false) - 'duration', '{"created":100000,"updated":0,"unchanged":0}',
          '100,000 users are created by one call') FROM many;
UPDATE before SET contents = pg_temp.contents(), versions = pg_temp.versions();
SELECT is((SELECT count(*) FROM jsonb_object_keys(stream_upsert_users(request)->'users')), 100000::bigint,
          'the same call again answers with all of them') FROM many;
SELECT is(ARRAY[pg_temp.contents(), pg_temp.versions()], ARRAY[contents, versions],
          'the same call again writes nothing') FROM before;

SELECT * FROM finish();
ROLLBACK;
