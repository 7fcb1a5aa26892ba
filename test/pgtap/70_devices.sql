-- Devices: registering, listing and deleting them.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql

SELECT plan(41);

SELECT NULL FROM stream_upsert_users('[{"id": "dev-ann"}, {"id": "dev-bob"}, {"id": "dev-off"}, {"id": "dev-gone"}]', false) \g /dev/null
INSERT INTO stream.devices (user_id, id, push_provider) VALUES ('dev-off', 'off', 'apn'), ('dev-gone', 'gone', 'apn');
SELECT NULL FROM stream_deactivate_user('dev-off') \g /dev/null
SELECT NULL FROM stream_delete_users('{dev-gone}') \g /dev/null

-- The devices of a user without the times, in the order of the list.
CREATE FUNCTION pg_temp.devices(user_id text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT coalesce(jsonb_agg(d - 'created_at' ORDER BY n), '[]')
    FROM jsonb_array_elements(stream_list_devices(user_id) -> 'devices') WITH ORDINALITY AS e (d, n)
$$;

SELECT is(pg_temp.devices('dev-ann'), '[]', 'a user has no devices at first');
SELECT is((SELECT array_agg(key) FROM jsonb_object_keys(stream_create_device('dev-ann', 'token 1', 'firebase')) AS key),
          ARRAY['duration'], 'registering answers with how long it took');
SELECT is(pg_temp.devices('dev-ann'), '[{"id": "token 1", "user_id": "dev-ann", "push_provider": "firebase"}]',
          'a registered device is listed, without the fields that have no value');
SELECT is(stream_list_devices('dev-ann') #> '{devices,0,created_at}',
          (SELECT to_jsonb((extract(epoch FROM created_at) * 1000000000)::bigint) FROM stream.devices WHERE id = 'token 1'),
          'created_at is epoch nanoseconds');
SELECT matches(stream_list_devices('dev-ann') ->> 'duration', '^[0-9]+\.[0-9]{2}ms$', 'the list says how long it took');

SELECT NULL FROM stream_create_device('dev-ann', 'token 2', 'apn', 'second app', true, 'phone') \g /dev/null
SELECT is(pg_temp.devices('dev-ann') -> 1,
          '{"id": "token 2", "user_id": "dev-ann", "push_provider": "apn", "push_provider_name": "second app", "voip": true,
            "hardware_id": "phone"}', 'all that was given is kept');
SELECT is(stream_get_user('dev-ann') -> 'devices', stream_list_devices('dev-ann') -> 'devices',
          'the user object has the same devices');

SELECT NULL FROM stream_create_device(user_id => 'dev-ann', id => 'token 3', push_provider => 'huawei', push_provider_name => '',
                                      hardware_id => '') \g /dev/null
SELECT is(pg_temp.devices('dev-ann') -> 2, '{"id": "token 3", "user_id": "dev-ann", "push_provider": "huawei"}',
          'empty names count as none');
SELECT NULL FROM stream_create_device('dev-ann', 'token 4', 'xiaomi', NULL, NULL, NULL) \g /dev/null
SELECT is(pg_temp.devices('dev-ann') -> 3, '{"id": "token 4", "user_id": "dev-ann", "push_provider": "xiaomi"}',
          'null options count as left out');

-- Again
UPDATE stream.devices SET disabled = true, disabled_reason = 'unregistered', created_at = '2024-01-01Z' WHERE id = 'token 2';
SELECT NULL FROM stream_create_device('dev-ann', 'token 2', 'firebase', 'other app') \g /dev/null
SELECT is((SELECT to_jsonb(d) - 'created_at' FROM stream.devices AS d WHERE id = 'token 2'),
          '{"user_id": "dev-ann", "id": "token 2", "push_provider": "firebase", "push_provider_name": "other app", "voip": null,
            "hardware_id": null, "disabled": null, "disabled_reason": null}',
          'a device that is registered again is replaced and enabled');
SELECT is((SELECT created_at FROM stream.devices WHERE id = 'token 2'), '2024-01-01Z', 'and keeps when it was registered first');
SELECT is(jsonb_array_length(pg_temp.devices('dev-ann')), 4, 'and is there once');

-- Whose it is
SELECT NULL FROM stream_create_device('dev-bob', 'token 2', 'apn') \g /dev/null
SELECT is((SELECT array_agg(user_id) FROM stream.devices WHERE id = 'token 2'), ARRAY['dev-bob'],
          'a device belongs to the user who registered it last');
SELECT isnt((SELECT created_at FROM stream.devices WHERE id = 'token 2'), '2024-01-01Z', 'who registered it now');
SELECT is((SELECT array_agg(d ->> 'id') FROM jsonb_array_elements(pg_temp.devices('dev-ann')) AS d),
          ARRAY['token 1', 'token 3', 'token 4'], 'the other devices of the user who had it stay');

-- How many
INSERT INTO stream.devices (user_id, id, push_provider, created_at)
SELECT 'dev-bob', 'old ' || n, 'apn', '2024-01-01Z'::timestamptz + n * interval '1 day' FROM generate_series(1, 24) AS n;
SELECT NULL FROM stream_create_device('dev-bob', 'token 2', 'apn') \g /dev/null
SELECT is(jsonb_array_length(pg_temp.devices('dev-bob')), 25, 'a user has up to 25 devices');
SELECT NULL FROM stream_create_device('dev-bob', 'token 5', 'apn') \g /dev/null
SELECT is((SELECT array_agg(d ->> 'id') FROM jsonb_array_elements(pg_temp.devices('dev-bob')) AS d),
          (SELECT array_agg('old ' || n ORDER BY n) FROM generate_series(2, 24) AS n) || ARRAY['token 2', 'token 5'],
          'one more takes the place of the oldest');
INSERT INTO stream.devices (user_id, id, push_provider, created_at)
SELECT 'dev-bob', 'older ' || n, 'apn', '2024-02-01Z'::timestamptz + n * interval '1 day' FROM generate_series(1, 5) AS n;
SELECT NULL FROM stream_create_device('dev-bob', 'old 2', 'apn') \g /dev/null
SELECT ok((SELECT count(*) = 25 AND bool_or(id = 'old 2') FROM stream.devices WHERE user_id = 'dev-bob'),
          'a device that is registered again is not the one that goes');
SELECT is((SELECT count(*) FROM stream.devices WHERE user_id = 'dev-ann'), 3::bigint, 'other users'' devices are not counted');

-- Deleting
SELECT is((SELECT array_agg(key) FROM jsonb_object_keys(stream_delete_device('dev-ann', 'token 3')) AS key), ARRAY['duration'],
          'deleting answers with how long it took');
SELECT is((SELECT array_agg(d ->> 'id') FROM jsonb_array_elements(pg_temp.devices('dev-ann')) AS d), ARRAY['token 1', 'token 4'],
          'a deleted device is gone, and only that');
SELECT pg_temp.refused($$SELECT stream_delete_device('dev-ann', 'token 3')$$, 'DeleteDevice', 16, 'id', 'token 3',
                       'an unknown device can''t be deleted');
SELECT pg_temp.refused($$SELECT stream_delete_device('dev-ann', 'token 2')$$, 'DeleteDevice', 16, 'id', 'token 2',
                       'nor can another user''s');
SELECT pg_temp.refused($$SELECT stream_delete_device('nobody', 'token 1')$$, 'DeleteDevice', 16, 'user_id', 'nobody',
                       'nor an unknown user''s');
SELECT pg_temp.refused($$SELECT stream_delete_device('dev-gone', 'gone')$$, 'DeleteDevice', 17, 'user_id', 'dev-gone',
                       'nor a deleted user''s, who may be restored with it');
SELECT pg_temp.refused($$SELECT stream_delete_device(NULL, 'token 1')$$, 'DeleteDevice', 4, 'user_id', NULL, 'user_id is mandatory');
SELECT pg_temp.refused($$SELECT stream_delete_device('dev-ann', NULL)$$, 'DeleteDevice', 4, 'id', NULL, 'id is mandatory');
SELECT is(stream_list_devices('dev-off') #>> '{devices,0,id}', 'off', 'a deactivated user''s devices are listed');
SELECT ok(stream_delete_device('dev-off', 'off') ? 'duration', 'and can be deleted');

-- What is refused
SELECT pg_temp.refused($$SELECT stream_create_device('nobody', 'x', 'apn')$$, 'CreateDevice', 16, 'user_id', 'nobody',
                       'an unknown user has no devices');
SELECT pg_temp.refused($$SELECT stream_create_device('dev-off', 'x', 'apn')$$, 'CreateDevice', 17, 'user_id', 'dev-off',
                       'a deactivated user can''t register any');
SELECT pg_temp.refused($$SELECT stream_create_device('dev-gone', 'x', 'apn')$$, 'CreateDevice', 17, 'user_id', 'dev-gone',
                       'nor can a deleted one');
SELECT pg_temp.refused($$SELECT stream_create_device('dev-ann', 'x', 'pigeon')$$, 'CreateDevice', 4, 'push_provider', NULL,
                       'an unknown push provider is refused');
SELECT pg_temp.refused($$SELECT stream_create_device('dev-ann', 'x', NULL)$$, 'CreateDevice', 4, 'push_provider', NULL,
                       'a push provider is mandatory');
SELECT pg_temp.refused($$SELECT stream_create_device('dev-ann', '', 'apn')$$, 'CreateDevice', 4, 'id', NULL, 'an empty id is refused');
SELECT pg_temp.refused($$SELECT stream_create_device('dev-ann', repeat('x', 1025), 'apn')$$, 'CreateDevice', 4, 'id', NULL,
                       'an id of 1025 bytes is refused');
SELECT pg_temp.refused($$SELECT stream_create_device('dev-ann', NULL, 'apn')$$, 'CreateDevice', 4, 'id', NULL, 'an id is mandatory');
SELECT pg_temp.refused($$SELECT stream_create_device(NULL, 'x', 'apn')$$, 'CreateDevice', 4, 'user_id', NULL, 'a user is mandatory');
SELECT pg_temp.refused($$SELECT stream_list_devices('nobody')$$, 'ListDevices', 16, 'user_id', 'nobody',
                       'an unknown user''s devices can''t be listed');
SELECT pg_temp.refused($$SELECT stream_list_devices('dev-gone')$$, 'ListDevices', 16, 'user_id', 'dev-gone',
                       'nor a deleted user''s');
SELECT is((SELECT count(*) FROM stream.devices WHERE id IN ('x', '', repeat('x', 1025))), 0::bigint,
          'what is refused registers nothing');

SELECT * FROM finish();
ROLLBACK;
