-- What a user object says of bans, blocks, devices, mutes and unread messages.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;

SELECT plan(38);

INSERT INTO stream.users (id, name)
VALUES ('rel-ann', 'Ann'), ('rel-bob', 'Bob'), ('rel-cid', 'Cid'), ('rel-dee', 'Dee');

-- One field of a user's object, out of a response with all four.
CREATE FUNCTION pg_temp.field(id text, field text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT stream_get_users('{rel-ann,rel-bob,rel-cid,rel-dee}') -> 'users' -> id -> field
$$;
CREATE FUNCTION pg_temp.nanoseconds(t timestamptz) RETURNS jsonb LANGUAGE sql AS $$
    SELECT to_jsonb((extract(epoch FROM t) * 1000000)::bigint * 1000)
$$;
CREATE FUNCTION pg_temp.keys(object jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(object) AS key
$$;

-- Of a user of whom there is nothing to say every field is there and empty.
SELECT is(pg_temp.field('rel-dee', field), empty::jsonb, field || ' is ' || empty || ' when there is nothing')
FROM (VALUES ('banned', 'false'), ('shadow_banned', 'false'), ('blocked_user_ids', '[]'), ('devices', '[]'),
             ('mutes', '[]'), ('channel_mutes', '[]'), ('unread_count', '0'), ('total_unread_count', '0'),
             ('unread_channels', '0'), ('unread_threads', '0')) AS t (field, empty);
SELECT is(pg_temp.field('rel-dee', 'ban_expires'), NULL, 'ban_expires is absent when there is no ban');

-- Bans.
INSERT INTO stream.bans (target_user_id, channel_cid, shadow, expires)
VALUES ('rel-ann', '', false, '2100-01-01Z'),
       ('rel-bob', '', true, NULL),
       ('rel-cid', '', false, now() - interval '1 second'),
       ('rel-dee', 'messaging:x', false, NULL);
SELECT is(pg_temp.field('rel-ann', 'banned'), 'true', 'an app-wide ban in force is shown');
SELECT is(pg_temp.field('rel-ann', 'ban_expires'), pg_temp.nanoseconds('2100-01-01Z'), 'a ban says when it expires');
SELECT is(pg_temp.field('rel-ann', 'shadow_banned'), 'false', 'a ban is no shadow ban');
SELECT is(pg_temp.field('rel-bob', 'shadow_banned'), 'true', 'a shadow ban is shown');
SELECT is(pg_temp.field('rel-bob', 'banned'), 'false', 'a shadow ban is no ban');
SELECT is(pg_temp.field('rel-bob', 'ban_expires'), NULL, 'a ban without an end has no ban_expires');
SELECT is(pg_temp.field('rel-cid', 'banned'), 'false', 'a ban that ran out is not in force');
SELECT is(pg_temp.field('rel-cid', 'ban_expires'), NULL, 'a ban that ran out has no ban_expires');
SELECT is(pg_temp.field('rel-dee', 'banned'), 'false', 'a ban in one channel is not app-wide');

-- Blocks.
INSERT INTO stream.blocks (user_id, blocked_user_id)
VALUES ('rel-ann', 'rel-cid'), ('rel-ann', 'rel-bob'), ('rel-bob', 'rel-ann');
SELECT is(pg_temp.field('rel-ann', 'blocked_user_ids'), '["rel-bob", "rel-cid"]', 'those whom a user blocked are listed');
SELECT is(pg_temp.field('rel-cid', 'blocked_user_ids'), '[]', 'being blocked is not blocking');

-- Devices.
INSERT INTO stream.devices (user_id, id, push_provider, push_provider_name, disabled, disabled_reason, voip, hardware_id, created_at)
VALUES ('rel-ann', 'phone', 'apn', 'main', true, 'token gone', true, 'hw', '2024-01-02Z'),
       ('rel-ann', 'tablet', 'firebase', NULL, NULL, NULL, NULL, NULL, '2024-01-01Z'),
       ('rel-bob', 'phone', 'xiaomi', NULL, NULL, NULL, NULL, NULL, '2024-01-01Z');
SELECT is(pg_temp.field('rel-ann', 'devices') -> 1,
          jsonb_build_object('id', 'phone', 'user_id', 'rel-ann', 'push_provider', 'apn', 'push_provider_name', 'main',
                             'disabled', true, 'disabled_reason', 'token gone', 'voip', true, 'hardware_id', 'hw',
                             'created_at', pg_temp.nanoseconds('2024-01-02Z')),
          'a device is shown with all that is known of it');
SELECT is(pg_temp.field('rel-ann', 'devices') -> 0,
          jsonb_build_object('id', 'tablet', 'user_id', 'rel-ann', 'push_provider', 'firebase',
                             'created_at', pg_temp.nanoseconds('2024-01-01Z')),
          'the oldest device comes first, without the fields that have no value');
SELECT is(jsonb_array_length(pg_temp.field('rel-bob', 'devices')), 1, 'each user has their own devices');

-- Mutes.
INSERT INTO stream.user_mutes (user_id, target_id, expires, created_at, updated_at)
VALUES ('rel-ann', 'rel-bob', '2100-01-01Z', '2024-01-01Z', '2024-01-03Z'),
       ('rel-ann', 'rel-nobody', NULL, '2024-01-02Z', '2024-01-02Z'),
       ('rel-ann', 'rel-cid', now() - interval '1 second', '2024-01-01Z', '2024-01-01Z'),
       ('rel-bob', 'rel-ann', NULL, '2024-01-01Z', '2024-01-01Z');
SELECT is(jsonb_path_query_array(pg_temp.field('rel-ann', 'mutes'), '$[*].target.id'), '["rel-bob"]',
          'a mute shows its target if there is such a user, and none that ran out is shown');
SELECT is(jsonb_array_length(pg_temp.field('rel-ann', 'mutes')), 2, 'a mute of an unknown user is shown without its target');
SELECT is(pg_temp.field('rel-ann', 'mutes') -> 0 -> 'user' ->> 'name', 'Ann', 'a mute shows the user who muted');
SELECT is((pg_temp.field('rel-ann', 'mutes') -> 0) - 'user' - 'target',
          jsonb_build_object('expires', pg_temp.nanoseconds('2100-01-01Z'), 'created_at', pg_temp.nanoseconds('2024-01-01Z'),
                             'updated_at', pg_temp.nanoseconds('2024-01-03Z')), 'a mute has its times');
SELECT is(pg_temp.keys(pg_temp.field('rel-ann', 'mutes') -> 0 -> 'target'),
          'banned blocked_user_ids created_at custom id invisible language name online role shadow_banned teams updated_at',
          'the users in a mute are in short form');
SELECT is(pg_temp.field('rel-ann', 'mutes') -> 0 -> 'target' -> 'shadow_banned', 'true', 'the short form shows bans');
SELECT is(pg_temp.field('rel-ann', 'mutes') -> 0 -> 'target' -> 'blocked_user_ids', '["rel-ann"]', 'the short form shows blocks');

-- Channel mutes.
INSERT INTO stream.channels (cid, type, id, team, custom, created_at, updated_at)
VALUES ('messaging:rel', 'messaging', 'rel', 'red', '{"topic": "x"}', '2024-01-01Z', '2024-01-02Z');
INSERT INTO stream.channel_mutes (user_id, channel_cid, expires, created_at, updated_at)
VALUES ('rel-ann', 'messaging:rel', '2100-01-01Z', '2024-02-01Z', '2024-02-02Z'),
       ('rel-bob', 'team:far:away', NULL, '2024-02-01Z', '2024-02-02Z'),
       ('rel-cid', 'messaging:rel', now() - interval '1 second', '2024-02-01Z', '2024-02-02Z');
SELECT is((pg_temp.field('rel-ann', 'channel_mutes') -> 0) - 'user',
          jsonb_build_object('expires', pg_temp.nanoseconds('2100-01-01Z'), 'created_at', pg_temp.nanoseconds('2024-02-01Z'),
                             'updated_at', pg_temp.nanoseconds('2024-02-02Z'), 'channel',
                             jsonb_build_object('cid', 'messaging:rel', 'type', 'messaging', 'id', 'rel', 'team', 'red',
                                                'custom', '{"topic": "x"}'::jsonb,
                                                'created_at', pg_temp.nanoseconds('2024-01-01Z'),
                                                'updated_at', pg_temp.nanoseconds('2024-01-02Z'))),
          'a channel mute shows its channel and its times');
SELECT is(pg_temp.field('rel-bob', 'channel_mutes') -> 0 -> 'channel', '{"cid": "team:far:away", "type": "team", "id": "far:away"}',
          'of an unknown channel its cid, type and id are shown');
SELECT is(pg_temp.field('rel-bob', 'channel_mutes') -> 0 -> 'user' ->> 'id', 'rel-bob', 'a channel mute shows the user who muted');
SELECT is(pg_temp.field('rel-cid', 'channel_mutes'), '[]', 'a channel mute that ran out is not shown');

-- Unread messages.
INSERT INTO stream.reads (cid, user_id, unread_messages)
VALUES ('messaging:a', 'rel-ann', 3), ('messaging:b', 'rel-ann', 4), ('messaging:c', 'rel-ann', 0), ('messaging:a', 'rel-bob', 1);
SELECT is(jsonb_build_array(pg_temp.field('rel-ann', 'unread_count'), pg_temp.field('rel-ann', 'total_unread_count'),
                            pg_temp.field('rel-ann', 'unread_channels'), pg_temp.field('rel-ann', 'unread_threads')),
          '[7, 7, 2, 0]', 'unread messages are counted over all channels, and the channels that have any');

SELECT is(stream_query_users('{"filter_conditions": {"id": "rel-ann"}}') -> 'users' -> 0,
          stream_get_users('{rel-ann}') -> 'users' -> 'rel-ann', 'a query shows the same of a user as get does');

SELECT * FROM finish();
ROLLBACK;
