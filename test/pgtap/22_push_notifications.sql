-- Push notifications: setting, clearing and running out.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql

SELECT plan(21);

SELECT stream_upsert_users('[{"id": "pn-ann"}, {"id": "pn-gone"}, {"id": "pn-idle"}]', return_users => false);
UPDATE stream.users SET updated_at = '2024-01-01', deleted_at = CASE WHEN id = 'pn-gone' THEN now() END,
       deleted_mode = CASE WHEN id = 'pn-gone' THEN 'soft' END, deactivated_at = CASE WHEN id = 'pn-idle' THEN now() END
 WHERE id LIKE 'pn-%';

CREATE FUNCTION pg_temp.shown() RETURNS jsonb LANGUAGE sql AS $$ SELECT stream_get_user('pn-ann') -> 'push_notifications' $$;
CREATE FUNCTION pg_temp.events() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM stream.events WHERE type = 'user.updated' AND user_ids = '{pn-ann}'
$$;
CREATE FUNCTION pg_temp.at_rest() RETURNS boolean LANGUAGE sql AS $$
    SELECT updated_at = '2024-01-01' FROM stream.users WHERE id = 'pn-ann'
$$;

SELECT is(pg_temp.shown(), NULL, 'a user of whom nothing is said has no push_notifications');
CREATE TEMPORARY TABLE answer AS SELECT stream_set_push_notifications('pn-ann') AS a;
SELECT is((SELECT array_agg(key ORDER BY key) FROM answer, jsonb_object_keys(a) AS key), '{duration,user}', 'the answer is the user and a duration');
SELECT is((SELECT a -> 'user' FROM answer), stream_get_user('pn-ann') - 'duration', 'the full user, as get returns it');
SELECT ok(pg_temp.at_rest() AND pg_temp.events() = 0, 'clearing what is clear writes nothing and tells nobody');

SELECT is(stream_set_push_notifications('pn-ann', true) #> '{user,push_notifications}', '{"disabled": true}', 'disabled without an end');
SELECT ok(NOT pg_temp.at_rest(), 'a change moves updated_at');
SELECT is(pg_temp.events(), 1::bigint, 'and is told of');
UPDATE stream.users SET updated_at = '2024-01-01' WHERE id = 'pn-ann';
SELECT ok(stream_set_push_notifications('pn-ann', true) IS NOT NULL AND pg_temp.at_rest() AND pg_temp.events() = 1,
          'saying the same again writes nothing and tells nobody');
SELECT is(stream_set_push_notifications('pn-ann', false) #> '{user,push_notifications}', '{"disabled": false}', 'explicitly not disabled');
SELECT is(stream_set_push_notifications('pn-ann', disabled_until => '2100-01-01Z') #> '{user,push_notifications}',
          '{"disabled": true, "disabled_until": 4102444800000000000}', 'disabled until a time');
SELECT is(stream_set_push_notifications('pn-ann', true, '2100-01-02Z') #> '{user,push_notifications}',
          '{"disabled": true, "disabled_until": 4102531200000000000}', 'the same with both');
SELECT stream_upsert_users('[{"id": "pn-ann", "name": "Ann"}]', return_users => false);
SELECT is(pg_temp.shown() ->> 'disabled', 'true', 'replacing the user keeps it');
SELECT stream_set_push_notifications('pn-ann', disabled_until => now() - interval '1 second');
SELECT is(pg_temp.shown(), NULL, 'a time that is over disables nothing');
UPDATE stream.users SET push_notifications = '{"disabled": true, "disabled_until": 1704067200000000000}' WHERE id = 'pn-ann';
SELECT is(pg_temp.shown(), NULL, 'once its time has come a setting is no longer shown');
SELECT stream_set_push_notifications('pn-ann', true);
SELECT is(stream_set_push_notifications('pn-ann') #> '{user,push_notifications}', NULL, 'without arguments it is cleared');
SELECT is(stream_set_push_notifications('pn-idle', true) #> '{user,push_notifications,disabled}', 'true', 'a deactivated user''s can be set');

SELECT pg_temp.refused(call, 'UpdatePushNotificationPreferences', code, path, id, rule)
FROM (VALUES ('SELECT stream_set_push_notifications(NULL, true)', 4, 'id', NULL, 'a null id'),
             ('SELECT stream_set_push_notifications(''pn-nobody'', true)', 16, 'id', 'pn-nobody', 'an unknown user'),
             ('SELECT stream_set_push_notifications(''pn-gone'', true)', 4, 'id', 'pn-gone', 'a deleted user'),
             ('SELECT stream_set_push_notifications(''pn-ann'', false, ''2100-01-01Z'')', 4, 'disabled_until', 'pn-ann', 'a time until which nothing is disabled'),
             ('SELECT stream_set_push_notifications(''pn-ann'', true, ''infinity'')', 4, 'disabled_until', 'pn-ann', 'a time that nanoseconds can''t say'))
     AS r (call, code, path, id, rule);

SELECT * FROM finish();
ROLLBACK;
