-- The user object, field by field, in every state a user can be in, through every function that returns users.
-- The first table is the contract's; the others say which users there are and what is particular of each.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;

-- The contract: fields of objects, their types, whether they are always there, and an always present field's default.
CREATE TEMPORARY TABLE contract (object text, field text, type text, always boolean, default_value jsonb, UNIQUE (object, field));
INSERT INTO contract VALUES
    ('User', 'id', 'id', true, NULL),
    ('User', 'role', 'role', true, '"user"'),
    ('User', 'custom', 'object', true, '{}'),
    ('User', 'teams', 'string[]', true, '[]'),
    ('User', 'teams_role', 'roles', false, NULL),
    ('User', 'name', 'string', false, NULL),
    ('User', 'image', 'string', false, NULL),
    ('User', 'language', 'language', true, '""'),
    ('User', 'invisible', 'boolean', true, 'false'),
    ('User', 'privacy_settings', 'PrivacySettings', false, NULL),
    ('User', 'push_notifications', 'PushNotifications', false, NULL),
    ('User', 'banned', 'boolean', true, 'false'),
    ('User', 'shadow_banned', 'boolean', true, 'false'),
    ('User', 'ban_expires', 'timestamp', false, NULL),
    ('User', 'online', 'boolean', true, 'false'),
    ('User', 'last_active', 'timestamp', false, NULL),
    ('User', 'blocked_user_ids', 'string[]', true, '[]'),
    ('User', 'devices', 'Device[]', true, '[]'),
    ('User', 'mutes', 'UserMute[]', true, '[]'),
    ('User', 'channel_mutes', 'ChannelMute[]', true, '[]'),
    ('User', 'unread_count', 'integer', true, '0'),
    ('User', 'total_unread_count', 'integer', true, '0'),
    ('User', 'unread_channels', 'integer', true, '0'),
    ('User', 'unread_threads', 'integer', true, '0'),
    ('User', 'avg_response_time', 'integer', false, NULL),
    ('User', 'created_at', 'timestamp', true, NULL),
    ('User', 'updated_at', 'timestamp', true, NULL),
    ('User', 'deactivated_at', 'timestamp', false, NULL),
    ('User', 'deleted_at', 'timestamp', false, NULL),
    ('User', 'revoke_tokens_issued_before', 'timestamp', false, NULL),
    ('PrivacySettings', 'typing_indicators', 'Switch', false, NULL),
    ('PrivacySettings', 'read_receipts', 'Switch', false, NULL),
    ('PrivacySettings', 'delivery_receipts', 'Switch', false, NULL),
    ('Switch', 'enabled', 'boolean', true, NULL),
    ('PushNotifications', 'disabled', 'boolean', false, NULL),
    ('PushNotifications', 'disabled_until', 'timestamp', false, NULL),
    ('Device', 'id', 'string', true, NULL),
    ('Device', 'user_id', 'id', true, NULL),
    ('Device', 'push_provider', 'provider', true, NULL),
    ('Device', 'created_at', 'timestamp', true, NULL),
    ('Device', 'push_provider_name', 'string', false, NULL),
    ('Device', 'disabled', 'boolean', false, NULL),
    ('Device', 'disabled_reason', 'string', false, NULL),
    ('Device', 'voip', 'boolean', false, NULL),
    ('Device', 'hardware_id', 'string', false, NULL),
    ('UserMute', 'created_at', 'timestamp', true, NULL),
    ('UserMute', 'updated_at', 'timestamp', true, NULL),
    ('UserMute', 'expires', 'timestamp', false, NULL),
    ('UserMute', 'target', 'ShortUser', false, NULL),
    ('UserMute', 'user', 'ShortUser', false, NULL),
    ('ChannelMute', 'created_at', 'timestamp', true, NULL),
    ('ChannelMute', 'updated_at', 'timestamp', true, NULL),
    ('ChannelMute', 'expires', 'timestamp', false, NULL),
    ('ChannelMute', 'channel', 'object', false, NULL),
    ('ChannelMute', 'user', 'ShortUser', false, NULL);
CREATE TEMPORARY TABLE left_out_of_short (field text);
INSERT INTO left_out_of_short VALUES ('devices'), ('mutes'), ('channel_mutes'), ('unread_count'), ('total_unread_count'), ('unread_channels'), ('unread_threads');
INSERT INTO contract SELECT 'ShortUser', field, type, always, default_value FROM contract WHERE object = 'User' AND field NOT IN (TABLE left_out_of_short);

-- What is wrong with a value of that type; nothing is null.
CREATE FUNCTION pg_temp.faults(type text, value jsonb, place text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    kind text := jsonb_typeof(value);
    fits boolean;
BEGIN
    IF type LIKE '%[]' THEN
        IF kind <> 'array' THEN
            RETURN place || ' is no array';
        END IF;
        RETURN (SELECT string_agg(f, '; ') FROM jsonb_array_elements(value) WITH ORDINALITY AS e (element, n),
                LATERAL pg_temp.faults(left(type, -2), element, format('%s[%s]', place, n - 1)) AS f);
    ELSIF EXISTS (SELECT FROM contract AS c WHERE c.object = faults.type) THEN
        IF kind <> 'object' THEN
            RETURN place || ' is no object';
        END IF;
        RETURN (SELECT string_agg(f, '; ')
                  FROM (SELECT CASE WHEN c.field IS NULL THEN format('%s.%s is not in the contract', place, o.key)
                                    WHEN o.key IS NOT NULL THEN pg_temp.faults(c.type, o.value, place || '.' || o.key)
                                    WHEN c.always THEN format('%s.%s is missing', place, c.field) END AS f
                          FROM (SELECT * FROM contract AS k WHERE k.object = faults.type) AS c
                          FULL JOIN jsonb_each(faults.value) AS o ON o.key = c.field) AS each_field);
    END IF;
    fits := CASE type
        WHEN 'id' THEN kind = 'string' AND value #>> '{}' ~ '^[A-Za-z0-9@_-]{1,255}$'
        WHEN 'role' THEN kind = 'string' AND EXISTS (SELECT FROM stream.roles AS r WHERE r.name = faults.value #>> '{}')
        WHEN 'roles' THEN kind = 'object' AND (SELECT bool_and(r.value IN (SELECT name FROM stream.roles)) FROM jsonb_each_text(value) AS r)
        WHEN 'language' THEN kind = 'string' AND value #>> '{}' ~ '^([a-z]{2}(-[A-Z]{2})?)?$'
        WHEN 'provider' THEN value #>> '{}' IN ('firebase', 'apn', 'huawei', 'xiaomi')
        WHEN 'timestamp' THEN kind = 'number' AND (value::numeric) % 1000 = 0 AND value::numeric BETWEEN 1e18 AND 9.3e18
        WHEN 'integer' THEN kind = 'number' AND value::numeric % 1 = 0
        ELSE kind = type END;
    RETURN CASE WHEN fits IS NOT TRUE THEN format('%s is %s and no %s', place, value, type) END;
END
$$;

-- The users. Those whose names begin alike begin as the same user, with everything set.
CREATE TEMPORARY TABLE states (id text PRIMARY KEY, state text, has text[]);
INSERT INTO states VALUES
    ('uo-fresh', 'new', '{}'),
    ('uo-full', 'fully filled', '{all}'),
    ('uo-full-deactivated', 'deactivated', '{all,deactivated_at}'),
    ('uo-full-reactivated', 'reactivated', '{all}'),
    ('uo-full-soft', 'soft-deleted', '{all,deleted_at}'),
    ('uo-full-both', 'deactivated and soft-deleted', '{all,deactivated_at,deleted_at}'),
    ('uo-full-restored', 'restored', '{all}'),
    ('uo-full-pruned', 'pruned', '{deleted_at,revoke_tokens_issued_before}'),
    ('uo-banned', 'banned', '{}'),
    ('uo-ban-ends', 'banned for a time', '{ban_expires}'),
    ('uo-ban-over', 'banned until a moment ago', '{}'),
    ('uo-shadow', 'shadow-banned', '{}'),
    ('uo-shadow-ends', 'shadow-banned for a time', '{ban_expires}'),
    ('uo-channel-ban', 'banned from a channel', '{}'),
    ('uo-blocks', 'blocking others', '{}'),
    ('uo-blocked', 'blocked', '{}'),
    ('uo-mutes', 'muting users and channels', '{}'),
    ('uo-mutes-over', 'whose mutes have run out', '{}'),
    ('uo-muted', 'muted', '{}'),
    ('uo-device', 'with the plainest device', '{}'),
    ('uo-unread', 'with unread messages', '{}'),
    ('uo-kept', 'whose unread messages the application counts', '{}'),
    ('uo-read', 'who has read everything', '{}'),
    ('uo-push', 'not pushed to for a time', '{push_notifications}'),
    ('uo-push-over', 'pushed to again', '{}'),
    ('uo-online', 'online', '{last_active}'),
    ('uo-left', 'gone offline', '{last_active}'),
    ('uo-vanished', 'not heard of any more', '{last_active}'),
    ('uo-revoked', 'whose tokens were revoked', '{revoke_tokens_issued_before}'),
    ('uo-guest', 'in another role', '{}'),
    ('uo-teams', 'in teams', '{teams_role}');
UPDATE states SET has = array_remove(has, 'all') || '{name,image,teams_role,privacy_settings,push_notifications,last_active,avg_response_time,revoke_tokens_issued_before}'
 WHERE 'all' = ANY (has);

SELECT stream_upsert_users(jsonb_agg(CASE WHEN id LIKE 'uo-full%' THEN jsonb_build_object(
           'id', id, 'role', 'moderator', 'name', 'Full', 'image', 'https://x/i.png', 'language', 'fr-CA', 'invisible', true, 'teams', '["red", "blue"]'::jsonb,
           'teams_role', '{"red": "admin"}'::jsonb, 'custom', '{"a": {"b": [1, null]}}'::jsonb,
           'privacy_settings', '{"read_receipts": {"enabled": false}, "typing_indicators": {"enabled": true}, "delivery_receipts": {"enabled": false}}'::jsonb)
       WHEN id = 'uo-guest' THEN '{"id": "uo-guest", "role": "guest"}'
       WHEN id = 'uo-teams' THEN '{"id": "uo-teams", "teams": ["red"], "teams_role": {"red": "user"}}'
       ELSE jsonb_build_object('id', id) END), return_users => false) FROM states;

-- Push, presence, tokens
SELECT stream_set_push_notifications(id, true, '2100-01-01Z') FROM states WHERE id LIKE 'uo-full%' OR id = 'uo-push';
SELECT stream_set_push_notifications('uo-push-over', true, '2100-01-01Z');
UPDATE stream.users SET push_notifications = jsonb_set(push_notifications, '{disabled_until}', '1704067200000000000') WHERE id = 'uo-push-over';
SELECT stream_connect_user(id) FROM states WHERE id LIKE 'uo-full%' OR id IN ('uo-online', 'uo-left', 'uo-vanished');
SELECT stream_disconnect_user('uo-left');
UPDATE stream.users SET last_active = now() - interval '1 day' WHERE id = 'uo-vanished';
SELECT stream_revoke_tokens(array_agg(id), '2024-01-01Z') FROM states WHERE id LIKE 'uo-full%' OR id = 'uo-revoked';
-- Only workers between transactions work this out: see test/recovery/response_times.sh.
UPDATE stream.users SET avg_response_time = 42 WHERE id LIKE 'uo-full%';

-- Devices, bans, blocks, mutes
INSERT INTO stream.devices (user_id, id, push_provider, push_provider_name, disabled, disabled_reason, voip, hardware_id, created_at)
SELECT id, 'phone', 'apn', 'main', true, 'token gone', true, 'hw', timestamptz '2024-01-01Z' FROM states WHERE id LIKE 'uo-full%'
UNION ALL SELECT 'uo-device', 'tablet', 'xiaomi', NULL, NULL, NULL, NULL, NULL, '2024-01-01Z';
INSERT INTO stream.bans (target_user_id, channel_cid, shadow, expires) VALUES
    ('uo-banned', '', false, NULL), ('uo-ban-ends', '', false, '2100-01-01Z'), ('uo-ban-over', '', false, statement_timestamp()),
    ('uo-shadow', '', true, NULL), ('uo-shadow-ends', '', true, '2100-01-01Z'), ('uo-channel-ban', 'uo:1', false, NULL);
INSERT INTO stream.blocks (user_id, blocked_user_id)
SELECT id, 'uo-blocked' FROM states WHERE id LIKE 'uo-full%' OR id = 'uo-blocks'
UNION ALL SELECT 'uo-blocks', 'uo-banned';
INSERT INTO stream.channels (cid, custom) VALUES ('uo:1', '{"topic": "x"}'), ('uo:2', '{}');
INSERT INTO stream.user_mutes (user_id, target_id, expires, created_at, updated_at)
SELECT id, 'uo-muted', timestamptz '2100-01-01Z', timestamptz '2024-01-01Z', timestamptz '2024-01-02Z' FROM states WHERE id LIKE 'uo-full%' OR id = 'uo-mutes'
UNION ALL SELECT 'uo-mutes', 'uo-full', NULL, '2024-01-02Z', '2024-01-02Z'
UNION ALL SELECT 'uo-mutes-over', 'uo-muted', statement_timestamp(), '2024-01-01Z', '2024-01-01Z';
INSERT INTO stream.channel_mutes (user_id, channel_cid, expires, created_at, updated_at)
SELECT id, 'uo:1', timestamptz '2100-01-01Z', timestamptz '2024-01-01Z', timestamptz '2024-01-02Z' FROM states WHERE id LIKE 'uo-full%' OR id = 'uo-mutes'
UNION ALL SELECT 'uo-mutes', 'elsewhere:x', NULL, '2024-01-02Z', '2024-01-02Z'
UNION ALL SELECT 'uo-mutes-over', 'uo:1', statement_timestamp(), '2024-01-01Z', '2024-01-01Z';

-- Unread messages: three of others, one of them a reply in a thread that the users were in.
INSERT INTO stream.channel_members (cid, user_id) SELECT 'uo:2', id FROM states WHERE id LIKE 'uo-full%' OR id IN ('uo-unread', 'uo-read');
INSERT INTO stream.messages (cid, id, user_id, parent_id, created_at)
SELECT 'uo:2', 'reply of ' || user_id, user_id, 'a', timestamptz '2024-01-01Z' FROM stream.channel_members WHERE cid = 'uo:2';
INSERT INTO stream.messages (cid, id, user_id, parent_id, created_at) VALUES
    ('uo:2', 'a', 'uo-muted', NULL, '2024-01-01Z'), ('uo:2', 'b', 'uo-muted', NULL, '2024-01-03Z'), ('uo:2', 'c', NULL, NULL, '2024-01-03Z'),
    ('uo:2', 'd', 'uo-muted', 'a', '2024-01-03Z');
INSERT INTO stream.reads (cid, user_id, last_read)
SELECT cid, user_id, CASE user_id WHEN 'uo-read' THEN timestamptz '2024-01-03Z' ELSE '2024-01-02Z' END FROM stream.channel_members WHERE cid = 'uo:2';
INSERT INTO stream.reads (cid, user_id, last_read, unread_messages) VALUES ('uo:1', 'uo-kept', now(), 7), ('uo:2', 'uo-kept', now(), 2);

-- Coming and going, by the functions that do it
SELECT stream_delete_users('{uo-full-restored}'), stream_deactivate_user('uo-full-reactivated'), stream_deactivate_user('uo-full-both') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_restore_users('{uo-full-restored}');
SELECT stream_connect_user('uo-full-restored', now()), stream_reactivate_user('uo-full-reactivated') \g /dev/null
SELECT stream_connect_user('uo-full-reactivated', now()), stream_deactivate_user('uo-full-deactivated') \g /dev/null
SELECT stream_delete_users('{uo-full-soft,uo-full-both}', messages_mode => NULL, conversations_mode => NULL, calls_mode => NULL),
       stream_delete_users('{uo-full-pruned}', 'pruning', messages_mode => NULL, conversations_mode => NULL, calls_mode => NULL) \g /dev/null
CALL stream_run_tasks(until_idle => true);

-- What the functions answer about each of them.
CREATE TEMPORARY TABLE objects AS
SELECT s.id, s.state, s.has, stream_get_user(s.id, include_deleted => true) - 'duration' AS object,
       s.has @> '{deleted_at}' AS deleted FROM states AS s;
CREATE TEMPORARY TABLE readings (reader text, id text, object jsonb);
INSERT INTO readings
SELECT 'get of many', key, value FROM jsonb_each(stream_get_users((SELECT array_agg(id) FROM states), include_deleted => true) -> 'users')
UNION ALL
SELECT 'get of many', key, value FROM states, jsonb_each(stream_get_users(ARRAY[id], include_deleted => true) -> 'users')
UNION ALL
SELECT 'query', u ->> 'id', u
FROM jsonb_array_elements(stream_query_users('{"filter_conditions": {"id": {"$autocomplete": "uo-"}}, "limit": 100,
                                               "include_deactivated_users": true, "include_deleted_users": true}') -> 'users') AS u;
-- Sending back what was read, and patching a user to what it is, change nothing.
INSERT INTO readings
SELECT 'upsert', key, value FROM jsonb_each(stream_upsert_users((SELECT jsonb_agg(object) FROM objects WHERE NOT deleted)) -> 'users')
UNION ALL
SELECT 'patch', o.id, stream_patch_user(o.id, jsonb_build_object('role', o.object -> 'role')) -> 'user' FROM objects AS o WHERE NOT deleted
UNION ALL
SELECT 'patch of many', key, value
FROM jsonb_each(stream_patch_users((SELECT jsonb_agg(jsonb_build_object('id', id, 'set', jsonb_build_object('language', object -> 'language')))
                                    FROM objects WHERE NOT deleted)) -> 'users');

-- What is particular of each.
CREATE TEMPORARY TABLE particular (id text, field text, value jsonb);
INSERT INTO particular VALUES
    ('uo-banned', 'banned', 'true'), ('uo-ban-ends', 'banned', 'true'), ('uo-ban-ends', 'ban_expires', '4102444800000000000'),
    ('uo-shadow', 'shadow_banned', 'true'), ('uo-shadow-ends', 'shadow_banned', 'true'), ('uo-shadow-ends', 'ban_expires', '4102444800000000000'),
    ('uo-blocks', 'blocked_user_ids', '["uo-banned", "uo-blocked"]'),
    ('uo-unread', 'unread_count', '3'), ('uo-unread', 'total_unread_count', '3'), ('uo-unread', 'unread_channels', '1'), ('uo-unread', 'unread_threads', '1'),
    ('uo-kept', 'unread_count', '9'), ('uo-kept', 'total_unread_count', '9'), ('uo-kept', 'unread_channels', '2'),
    ('uo-push', 'push_notifications', '{"disabled": true, "disabled_until": 4102444800000000000}'),
    ('uo-online', 'online', 'true'), ('uo-guest', 'role', '"guest"'), ('uo-teams', 'teams', '["red"]'), ('uo-teams', 'teams_role', '{"red": "user"}'),
    ('uo-revoked', 'revoke_tokens_issued_before', '1704067200000000000');
INSERT INTO particular
SELECT s.id, f.field, f.value
FROM states AS s,
     (VALUES ('name', '"Full"'::jsonb, NULL), ('image', '"https://x/i.png"', NULL), ('language', '"fr-CA"', NULL), ('invisible', 'true', NULL),
             ('teams', '["red", "blue"]', NULL), ('teams_role', '{"red": "admin"}', NULL), ('custom', '{"a": {"b": [1, null]}}', NULL),
             ('privacy_settings', '{"read_receipts": {"enabled": false}, "typing_indicators": {"enabled": true}, "delivery_receipts": {"enabled": false}}', NULL),
             ('push_notifications', '{"disabled": true, "disabled_until": 4102444800000000000}', NULL), ('avg_response_time', '42', NULL),
             ('online', 'true', '{uo-full,uo-full-reactivated,uo-full-restored}'::text[]),
             ('role', '"moderator"', '{all}'), ('revoke_tokens_issued_before', '1704067200000000000', '{all}'), ('blocked_user_ids', '["uo-blocked"]', '{all}'),
             ('unread_count', '3', '{all}'), ('total_unread_count', '3', '{all}'), ('unread_channels', '1', '{all}'), ('unread_threads', '1', '{all}'))
         AS f (field, value, whose)
WHERE s.id LIKE 'uo-full%' AND CASE WHEN f.whose = '{all}' THEN true WHEN f.whose IS NOT NULL THEN s.id = ANY (f.whose) ELSE s.id <> 'uo-full-pruned' END;

SELECT plan((SELECT count(*)::integer * 5 FROM states) + (SELECT count(*)::integer FROM particular) + 20);

-- For each state
SELECT is(pg_temp.faults('User', object, 'user'), NULL, format('a user %s: every field is of its type, and none is missing', state)) FROM objects ORDER BY id;
SELECT is((SELECT array_agg(key ORDER BY key) FROM jsonb_object_keys(object) AS key),
          (SELECT array_agg(field ORDER BY field) FROM contract WHERE object = 'User' AND (always OR field = ANY (has))),
          format('a user %s has the fields of that state, and no others', state))
  FROM objects ORDER BY id;
SELECT is((SELECT jsonb_object_agg(field, o.object -> field) FROM contract AS c
            WHERE c.object = 'User' AND c.default_value IS NOT NULL AND (o.id, field) NOT IN (SELECT id, field FROM particular)
              AND field NOT IN ('devices', 'mutes', 'channel_mutes')),
          (SELECT jsonb_object_agg(field, c.default_value) FROM contract AS c
            WHERE c.object = 'User' AND c.default_value IS NOT NULL AND (o.id, field) NOT IN (SELECT id, field FROM particular)
              AND field NOT IN ('devices', 'mutes', 'channel_mutes')),
          format('a user %s has defaults in every field but those of that state', state))
  FROM objects AS o ORDER BY id;
SELECT is((SELECT string_agg(reader, ', ' ORDER BY reader) FROM readings AS r WHERE r.id = o.id),
          CASE WHEN deleted THEN 'get of many, get of many, query' ELSE 'get of many, get of many, patch, patch of many, query, upsert' END,
          format('a user %s is returned by every function that may', state))
  FROM objects AS o ORDER BY id;
SELECT is((SELECT string_agg(format('%s: %s', reader, r.object), E'\n') FROM readings AS r WHERE r.id = o.id AND r.object <> o.object), NULL,
          format('a user %s is the same object in all of them', state))
  FROM objects AS o ORDER BY id;

-- For each particular field
SELECT is(o.object -> p.field, p.value, format('a user %s: %s', o.state, p.field)) FROM particular AS p JOIN objects AS o USING (id) ORDER BY p.id, p.field;

-- Devices
SELECT is(object -> 'devices', '[{"id": "phone", "voip": true, "user_id": "uo-full", "disabled": true, "created_at": 1704067200000000000, "hardware_id": "hw",
                                  "push_provider": "apn", "disabled_reason": "token gone", "push_provider_name": "main"}]',
          'a device with all its fields') FROM objects WHERE id = 'uo-full';
SELECT is(object -> 'devices', '[{"id": "tablet", "user_id": "uo-device", "created_at": 1704067200000000000, "push_provider": "xiaomi"}]',
          'a device with those that are always there') FROM objects WHERE id = 'uo-device';
SELECT is(object -> 'devices', '[]', 'a pruned user has no devices') FROM objects WHERE id = 'uo-full-pruned';
SELECT is((SELECT count(*) FROM objects WHERE id LIKE 'uo-full-%' AND id <> 'uo-full-pruned' AND jsonb_array_length(object -> 'devices') = 1), 5::bigint,
          'in the other states they stay');
SELECT is((SELECT count(*) FROM objects, jsonb_array_elements(object -> 'devices') AS d WHERE d ->> 'user_id' <> id), 0::bigint, 'each has its own');

-- Mutes
SELECT is((object -> 'mutes' -> 0) - '{user,target}'::text[], '{"expires": 4102444800000000000, "created_at": 1704067200000000000, "updated_at": 1704153600000000000}',
          'a mute that ends has its times') FROM objects WHERE id = 'uo-mutes';
SELECT is((object -> 'mutes' -> 1) - '{user,target}'::text[], '{"created_at": 1704153600000000000, "updated_at": 1704153600000000000}',
          'one without an end has no expires') FROM objects WHERE id = 'uo-mutes';
SELECT is((object -> 'channel_mutes' -> 0) - '{user,channel}'::text[], '{"expires": 4102444800000000000, "created_at": 1704067200000000000, "updated_at": 1704153600000000000}',
          'so has one of a channel') FROM objects WHERE id = 'uo-mutes';
SELECT is((object -> 'channel_mutes' -> 0 -> 'channel') - '{created_at,updated_at}'::text[], '{"id": "1", "cid": "uo:1", "type": "uo", "custom": {"topic": "x"}}',
          'which shows the channel') FROM objects WHERE id = 'uo-mutes';
SELECT is((object -> 'channel_mutes' -> 1) - '{user}'::text[],
          '{"channel": {"id": "x", "cid": "elsewhere:x", "type": "elsewhere"}, "created_at": 1704153600000000000, "updated_at": 1704153600000000000}',
          'and of a channel that is not there what its cid says') FROM objects WHERE id = 'uo-mutes';
SELECT is(jsonb_build_array(object -> 'mutes', object -> 'channel_mutes'), '[[], []]', 'mutes that have run out are not there') FROM objects WHERE id = 'uo-mutes-over';
SELECT is(jsonb_build_array(object -> 'mutes', object -> 'channel_mutes'), '[[], []]', 'being muted is not muting') FROM objects WHERE id = 'uo-muted';

-- The short form: the full one without what only that has.
CREATE FUNCTION pg_temp.short(of text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT object - ARRAY(SELECT field FROM left_out_of_short) FROM objects WHERE id = of
$$;
SELECT is(object -> 'mutes' -> 0 -> 'user', pg_temp.short('uo-mutes'), 'a mute shows who muted, in short form') FROM objects WHERE id = 'uo-mutes';
SELECT is(object -> 'mutes' -> 0 -> 'target', pg_temp.short('uo-muted'), 'and who is muted') FROM objects WHERE id = 'uo-mutes';
SELECT is(object -> 'mutes' -> 1 -> 'target', pg_temp.short('uo-full'), 'with all that a short form has') FROM objects WHERE id = 'uo-mutes';
SELECT is(object -> 'channel_mutes' -> 0 -> 'user', pg_temp.short('uo-mutes'), 'so does one of a channel') FROM objects WHERE id = 'uo-mutes';
CREATE TEMPORARY TABLE deactivated AS SELECT stream_deactivate_user('uo-full') -> 'user' AS u;
SELECT is(pg_temp.faults('ShortUser', u, 'user'), NULL, 'deactivating answers with the short form') FROM deactivated;
SELECT is(u, (SELECT o - 'duration' - ARRAY(SELECT field FROM left_out_of_short) FROM stream_get_user('uo-full') AS o), 'of the user as it is then')
  FROM deactivated;
SELECT is(u - 'updated_at', pg_temp.short('uo-full') - 'updated_at' || '{"online": false}', 'reactivating answers with the user as before, but offline')
  FROM (SELECT stream_reactivate_user('uo-full') -> 'user' AS u) AS d;

-- Connecting answers with the full form too.
SELECT is(stream_connect_user('uo-mutes') -> 'me', stream_get_user('uo-mutes') - 'duration', 'connecting answers with the full user, as get returns it then');

SELECT * FROM finish();
ROLLBACK;
