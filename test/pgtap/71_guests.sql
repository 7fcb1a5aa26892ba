-- stream_create_guest.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql

SELECT plan(25);

CREATE FUNCTION pg_temp.guest(request jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT stream_create_guest(request) -> 'user' $$;

\set uuid '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

CREATE TEMPORARY TABLE made AS
SELECT stream_create_guest('{"id": "bob", "name": "Bob", "image": "i", "custom": {"a": null}, "language": "fr", "invisible": true,
                             "teams": ["red"], "teams_role": {"red": "admin"},
                             "privacy_settings": {"read_receipts": {"enabled": false}}}') AS answer;

SELECT is((SELECT array_agg(key) FROM made, jsonb_object_keys(answer) AS key), ARRAY['user', 'duration'],
          'the answer is the user, and how long it took');
SELECT matches((SELECT answer #>> '{user,id}' FROM made), '^guest-' || :'uuid' || '-bob$', 'the id tells a guest and ends with the one asked for');
SELECT is((SELECT answer #>> '{user,role}' FROM made), 'guest', 'the role is guest');
SELECT is((SELECT jsonb_object_agg(f.key, f.value) FROM made, jsonb_each(answer -> 'user') AS f
            WHERE f.key IN ('name', 'image', 'custom', 'language', 'invisible', 'teams', 'teams_role', 'privacy_settings')),
          '{"name": "Bob", "image": "i", "custom": {"a": null}, "language": "fr", "invisible": true, "teams": ["red"],
            "teams_role": {"red": "admin"}, "privacy_settings": {"read_receipts": {"enabled": false}}}',
          'everything that can be set of a user can be set of a guest');
SELECT is((SELECT stream_get_user(answer #>> '{user,id}') - 'duration' FROM made), (SELECT answer -> 'user' FROM made),
          'a guest is a user that can be read');
SELECT is((SELECT stream_query_users('{"filter_conditions": {"role": "guest", "name": "Bob"}}') #> '{users,0}' FROM made),
          (SELECT answer -> 'user' FROM made), 'and found');
SELECT isnt(pg_temp.guest('{"id": "bob"}') ->> 'id', pg_temp.guest('{"id": "bob"}') ->> 'id', 'each call makes another guest');
SELECT matches(pg_temp.guest('{}') ->> 'id', '^guest-' || :'uuid' || '$', 'without an id the guest''s has none to end with');
SELECT matches(pg_temp.guest('{"id": null, "name": null, "role": null}') ->> 'id', '^guest-' || :'uuid' || '$',
               'null fields count as left out');
SELECT is(pg_temp.guest('{"role": "guest"}') ->> 'role', 'guest', 'the role guest may be named');
SELECT is(length(pg_temp.guest(jsonb_build_object('id', repeat('x', 212))) ->> 'id'), 255, 'an id of 212 characters fits');
SELECT is((SELECT type FROM stream.events WHERE user_ids @> ARRAY[(SELECT answer #>> '{user,id}' FROM made)]), 'user.updated',
          'a new guest is told of like any new user');

SELECT pg_temp.refused($$SELECT stream_create_guest(NULL)$$, 'CreateGuest', 4, 'user', NULL, 'a null user is refused');
SELECT pg_temp.refused($$SELECT stream_create_guest('[{"id": "bob"}]')$$, 'CreateGuest', 4, 'user', NULL, 'an array is refused');
SELECT pg_temp.refused($$SELECT stream_create_guest('"bob"')$$, 'CreateGuest', 4, 'user', NULL, 'a string is refused');
SELECT pg_temp.refused($$SELECT stream_create_guest('{"id": 1}')$$, 'CreateGuest', 4, 'id', NULL, 'an id that is no string is refused');
SELECT pg_temp.refused($$SELECT stream_create_guest('{"id": "a b"}')$$, 'CreateGuest', 4, 'id', 'a b', 'a bad id is refused');
SELECT pg_temp.refused($$SELECT stream_create_guest('{"id": ""}')$$, 'CreateGuest', 4, 'id', NULL, 'an empty id is refused');
SELECT pg_temp.refused(format('SELECT stream_create_guest(%L)', jsonb_build_object('id', repeat('x', 213))), 'CreateGuest', 4, 'id',
                       repeat('x', 213), 'an id that leaves no room for the rest is refused');
SELECT pg_temp.refused($$SELECT stream_create_guest('{"id": "bob", "role": "admin"}')$$, 'CreateGuest', 4, 'role', 'bob',
                       'another role is refused');
SELECT pg_temp.refused($$SELECT stream_create_guest('{"role": "captain"}')$$, 'CreateGuest', 4, 'role', NULL, 'an unknown role is refused');
SELECT pg_temp.refused($$SELECT stream_create_guest('{"nick": "B"}')$$, 'CreateGuest', 4, 'nick', NULL, 'an unknown key is refused');
SELECT pg_temp.refused($$SELECT stream_create_guest('{"id": "bob", "teams": ["a", 1]}')$$, 'CreateGuest', 4, 'teams[1]', 'bob',
                       'a bad value is refused by its path');
SELECT pg_temp.refused($$SELECT stream_create_guest('{"teams_role": {"red": "admin"}}')$$, 'CreateGuest', 4, 'teams_role.red', NULL,
                       'a role in a team that the guest is not in is refused');
SELECT is(pg_temp.guest((stream_get_user((SELECT answer #>> '{user,id}' FROM made)) - 'id')) ->> 'name', 'Bob',
          'a guest that was read may be sent to make another one of it');

SELECT * FROM finish();
ROLLBACK;
