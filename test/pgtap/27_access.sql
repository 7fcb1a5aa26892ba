-- Connecting, disconnecting, being authorized, revoked tokens, presence.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql

SELECT plan(92);

-- One user a state. A function call on each says what becomes of it.
CREATE TEMP TABLE states (id text, state text, token timestamptz, code integer);
INSERT INTO states VALUES
    ('fine', 'a user of whom nothing is known against', NULL, NULL),
    ('fine', 'with the time of a token where none was revoked', '2020-01-01', NULL),
    ('nobody', 'unknown', NULL, 16),
    ('soft', 'soft-deleted', NULL, 17),
    ('pruned', 'pruned', NULL, 17),
    ('going', 'being hard-deleted', NULL, 17),
    ('restored', 'restored', NULL, NULL),
    ('idle', 'deactivated', NULL, 17),
    ('back', 'reactivated', NULL, NULL),
    ('banned', 'banned', NULL, 17),
    ('timed', 'banned for a time that is not over', NULL, 17),
    ('over', 'banned for a time that is over', NULL, NULL),
    ('shadow', 'shadow-banned', NULL, NULL),
    ('channel', 'banned from one channel', NULL, NULL),
    ('revoked', 'with a token from before the revocation', '2026-01-01 11:59:59.999999Z', 40),
    ('revoked', 'with a token from the moment of the revocation', '2026-01-01 12:00:00Z', NULL),
    ('revoked', 'with a token from after the revocation', '2026-01-02Z', NULL),
    ('revoked', 'with a token of which it is not known when it was issued', NULL, 40),
    ('idle', 'deactivated, whatever the token', '2100-01-01Z', 17),
    ('pardoned', 'whose revocation was lifted', '2020-01-01', NULL);

SELECT stream_upsert_users(jsonb_agg(DISTINCT jsonb_build_object('id', id)), false) IS NOT NULL AS made
FROM states WHERE id <> 'nobody' \gset
DO $$
BEGIN
    PERFORM stream_delete_users('{soft,restored}');
    PERFORM stream_delete_users('{pruned}', 'pruning');
    PERFORM stream_deactivate_user('idle');
    PERFORM stream_deactivate_user('back');
    CALL stream_run_tasks(until_idle => true);
    PERFORM stream_restore_users('{restored}');
    PERFORM stream_reactivate_user('back');
    PERFORM stream_delete_users('{going}', 'hard', 'hard', 'hard');
    PERFORM stream_revoke_tokens('{revoked,pardoned}', '2026-01-01 12:00Z');
    PERFORM stream_revoke_tokens('{pardoned}', NULL);
END
$$;
INSERT INTO stream.bans (target_user_id, channel_cid, shadow, expires)
VALUES ('banned', '', false, NULL), ('timed', '', false, now() + interval '1 hour'),
       ('over', '', false, now() - interval '1 hour'), ('shadow', '', true, NULL), ('channel', 'messaging:x', false, NULL);

-- Calls with these arguments and compares what comes of it; a refusal must change nothing.
CREATE FUNCTION pg_temp.outcome(call text, operation text, s states) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer boolean;
BEGIN
    IF s.code IS NOT NULL THEN
        RETURN pg_temp.refused(call, operation, s.code, CASE s.code WHEN 40 THEN 'token_issued_at' ELSE 'id' END, s.id,
                               format('%s refuses a user %s', operation, s.state));
    END IF;
    EXECUTE call INTO answer;
    RETURN ok(answer, format('%s admits a user %s', operation, s.state));
END
$$;
SELECT pg_temp.outcome(format('SELECT stream_authorize(%L, %L)', id, token), 'Authorize', s) FROM states AS s;
SELECT pg_temp.outcome(format('SELECT (stream_connect_user(%L, %L) #> ''{me,online}'')::boolean', id, token), 'Connect', s)
FROM states AS s;

-- Refusals that are about the arguments.
SELECT pg_temp.refused('SELECT stream_authorize(NULL)', 'Authorize', 4, 'id', NULL, 'a null id is no user to authorize');
SELECT pg_temp.refused('SELECT stream_connect_user(NULL)', 'Connect', 4, 'id', NULL, 'a null id can''t connect');
SELECT pg_temp.refused('SELECT stream_disconnect_user(NULL)', 'Disconnect', 4, 'id', NULL, 'a null id can''t disconnect');
SELECT pg_temp.refused($$SELECT stream_disconnect_user('nobody')$$, 'Disconnect', 16, 'id', 'nobody', 'an unknown user can''t disconnect');
SELECT pg_temp.refused($$SELECT stream_revoke_tokens('{}')$$, 'RevokeTokens', 4, 'ids', NULL, 'revoking needs users');
SELECT pg_temp.refused($$SELECT stream_revoke_tokens(NULL)$$, 'RevokeTokens', 4, 'ids', NULL, 'revoking needs a list');
SELECT pg_temp.refused($$SELECT stream_revoke_tokens('{fine,fine}')$$, 'RevokeTokens', 4, 'ids[1]', 'fine', 'a user twice is refused');
SELECT pg_temp.refused($$SELECT stream_revoke_tokens('{fine,nobody}')$$, 'RevokeTokens', 16, 'ids[1]', 'nobody', 'one unknown user, and nobody''s tokens are revoked');
SELECT pg_temp.refused($$SELECT stream_revoke_tokens(ARRAY['fine', NULL])$$, 'RevokeTokens', 4, 'ids[1]', NULL, 'a null among the ids is refused');

-- What connecting does.
CREATE TEMP TABLE came AS SELECT stream_connect_user('fine') AS answer, clock_timestamp() AS at;
SELECT is((SELECT string_agg(key, ' ' ORDER BY key) FROM came, jsonb_object_keys(answer) AS key), 'duration me',
          'connecting answers with me and duration');
SELECT is((SELECT answer -> 'me' FROM came), stream_get_user('fine') - 'duration', 'me is the full user as it is then');
SELECT is((SELECT answer #> '{me,online}' FROM came), 'true', 'who connects is online');
SELECT ok((SELECT last_active BETWEEN at - interval '10 seconds' AND at FROM stream.users, came WHERE id = 'fine'),
          'and was last active just now');
SELECT is((SELECT updated_at FROM stream.users WHERE id = 'fine'), (SELECT created_at FROM stream.users WHERE id = 'fine'),
          'coming is no update of the user');
SELECT is((SELECT count(*) FROM stream.events WHERE type LIKE 'user.%' AND 'fine' = ANY (user_ids)), 1::bigint,
          'and no event: there is the one of the user''s creation');

-- Going.
CREATE TEMP TABLE seen AS SELECT last_active FROM stream.users WHERE id = 'fine';
SELECT matches(stream_disconnect_user('fine')::text, '^{"duration": "[0-9.]+\w+"}$', 'disconnecting answers with its duration');
SELECT is(stream_get_user('fine') -> 'online', 'false', 'who disconnects is offline');
SELECT ok((SELECT u.last_active > s.last_active FROM stream.users AS u, seen AS s WHERE u.id = 'fine'),
          'and was last active when leaving');
CREATE TEMP TABLE left_at AS SELECT u.ctid AS place, u.* FROM stream.users AS u WHERE id = 'fine';
SELECT stream_disconnect_user('fine') IS NOT NULL AS again \gset
SELECT is((SELECT u.ctid FROM stream.users AS u WHERE id = 'fine'), (SELECT place FROM left_at), 'leaving again writes nothing');

-- Presence that ends by itself.
SELECT is(current_setting('stream_users.presence_timeout'), '2min', 'presence lasts two minutes unless a client asks again');
CREATE FUNCTION pg_temp.online(id text, seen interval, also text DEFAULT 'online = true') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE stream.users SET online = true, last_active = clock_timestamp() - seen, deactivated_at = NULL, deleted_at = NULL WHERE users.id = $1;
    EXECUTE format('UPDATE stream.users SET %s WHERE id = $1', also) USING id;
    RETURN concat_ws(' ', stream_get_user(id, true) ->> 'online', stream_get_users(ARRAY[id], true) #>> ARRAY['users', id, 'online'],
        (SELECT jsonb_array_length(stream_query_users(jsonb_build_object('include_deactivated_users', true, 'include_deleted_users', true,
            'filter_conditions', jsonb_build_object('id', id, 'online', true))) -> 'users')),
        (SELECT jsonb_array_length(stream_query_users(jsonb_build_object('include_deactivated_users', true, 'include_deleted_users', true,
            'filter_conditions', jsonb_build_object('id', id, 'online', jsonb_build_object('$ne', true)))) -> 'users')));
END
$$;
SELECT is(pg_temp.online('fine', '110 seconds'), 'true true 1 0', 'who was seen within the time is online, read or searched for');
SELECT is(pg_temp.online('fine', '130 seconds'), 'false false 0 1', 'who was not seen within the time is offline');
SELECT is(pg_temp.online('fine', NULL), 'false false 0 1', 'who was never seen is offline');
SELECT is(pg_temp.online('fine', '0', 'deactivated_at = now()'), 'false false 0 1', 'a deactivated user is offline');
SELECT is(pg_temp.online('fine', '0', 'deleted_at = now()'), 'false false 0 1', 'a deleted user is offline');
SET LOCAL stream_users.presence_timeout = '1 h';
SELECT is(pg_temp.online('fine', '59 minutes'), 'true true 1 0', 'the setting says how long presence lasts');
SET LOCAL stream_users.presence_timeout = 0;
SELECT is(pg_temp.online('fine', '10 years'), 'true true 1 0', 'with 0 it lasts until the user leaves');
RESET stream_users.presence_timeout;

UPDATE stream.users SET online = true, last_active = now() - interval '3 minutes' WHERE id IN ('fine', 'back');
SELECT is((stream_connect_user('back') #> '{me,online}'), 'true', 'who connects again is there');
SELECT is(stream_authorize('fine'), true, 'being authorized');
SELECT is(stream_get_user('fine') -> 'online', 'false', 'is not being there');

-- Revoking tokens.
SELECT matches(stream_revoke_tokens('{fine,back}')::text, '^{"duration": "[0-9.]+\w+"}$', 'revoking answers with its duration');
SELECT is(stream_get_user('fine') -> 'revoke_tokens_issued_before', to_jsonb((extract(epoch FROM now()) * 1000000)::bigint * 1000),
          'tokens are revoked up to now unless a time is given, and the user object says so');
SELECT is((SELECT count(*) FROM stream.users WHERE updated_at > created_at AND id IN ('fine', 'back', 'revoked')), 3::bigint,
          'revoking changes updated_at');
SELECT results_eq($$SELECT (type || ' ' || id) COLLATE "default" FROM (SELECT * FROM stream.events ORDER BY seq DESC LIMIT 1) AS e, unnest(user_ids) AS id ORDER BY id$$,
                  ARRAY['user.updated back', 'user.updated fine'],
          'revoking is an update of the users');
CREATE TEMP TABLE places AS SELECT id, ctid AS place FROM stream.users;
SELECT stream_revoke_tokens('{fine,back}') IS NOT NULL AS again \gset
SELECT is((SELECT count(*) FROM stream.users AS u JOIN places AS p USING (id) WHERE u.ctid <> p.place), 0::bigint,
          'revoking up to the same time writes nothing');
SELECT ok(NOT (stream_get_user('pardoned') ? 'revoke_tokens_issued_before'), 'without a time the revocation is lifted');
SELECT is(stream_authorize('fine', now()), true, 'a token of this moment is good');

-- Rights: a role with EXECUTE on stream_authorize alone.
CREATE ROLE access_plain;
SET LOCAL ROLE access_plain;
SELECT throws_ok($$SELECT stream_authorize('fine')$$, '42501', NULL, 'nobody is authorized to authorize at first');
RESET ROLE;
GRANT EXECUTE ON FUNCTION stream_authorize(text, timestamptz) TO access_plain;
SET LOCAL ROLE access_plain;
SELECT is(stream_authorize('fine', now()), true, 'with that right alone it answers');
SELECT throws_ok($$SELECT stream_connect_user('fine', now())$$, '42501', NULL, 'and nothing else does');
RESET ROLE;
SELECT is((SELECT provolatile FROM pg_proc WHERE proname = 'stream_authorize'), 's', 'it is stable: a policy asks once a statement');

-- What a statement would find counts, though most often none is run: rights, row-level security, child tables,
-- and no index to look into.
CREATE ROLE access_owner;
GRANT USAGE ON SCHEMA stream TO access_owner;
GRANT SELECT ON stream.users, stream.bans TO access_owner;
ALTER FUNCTION stream_authorize(text, timestamptz) OWNER TO access_owner;
SELECT is(stream_authorize('restored'), true, 'the function may have an owner that can read two tables only');
ALTER TABLE stream.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY without_restored ON stream.users TO access_owner USING (id <> 'restored');
SELECT throws_ok($$SELECT stream_authorize('restored')$$, 'ST016', NULL, 'a user hidden from that owner by row-level security is unknown');
SELECT is(stream_authorize('pardoned'), true, 'and others are not');
ALTER TABLE stream.users DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON stream.bans FROM access_owner;
SELECT throws_ok($$SELECT stream_authorize('restored')$$, '42501', NULL, 'an owner that can''t read bans can''t say who is banned');
CREATE ROLE access_readers ROLE access_owner;
GRANT SELECT ON stream.bans TO access_readers;
SELECT is(stream_authorize('restored'), true, 'it can when it is a member of a role that can');
REVOKE access_readers FROM access_owner;
SELECT throws_ok($$SELECT stream_authorize('restored')$$, '42501', NULL, 'until it is none any more');
GRANT SELECT ON stream.bans TO access_owner;
SAVEPOINT other_table;
ALTER TABLE stream.bans RENAME TO former_bans;
CREATE TABLE stream.bans (LIKE stream.former_bans INCLUDING ALL);
GRANT SELECT ON stream.bans TO access_owner;
INSERT INTO stream.bans (target_user_id) VALUES ('restored');
SELECT throws_ok($$SELECT stream_authorize('restored')$$, 'ST017', NULL, 'a table that took the name of stream.bans is asked');
ROLLBACK TO other_table;
SELECT is(stream_authorize('restored'), true, 'and the former one when it is back');
CREATE TABLE stream.more_bans () INHERITS (stream.bans);
INSERT INTO stream.more_bans (target_user_id) VALUES ('restored');
SELECT throws_ok($$SELECT stream_authorize('restored')$$, 'ST017', NULL, 'a ban in a table that inherits from stream.bans counts');
DROP TABLE stream.more_bans;
ALTER TABLE stream.bans DROP CONSTRAINT bans_pkey;
ALTER TABLE stream.users DROP CONSTRAINT users_pkey;
SELECT is(stream_authorize('restored'), true, 'users are found without the primary keys');
SELECT throws_ok($$SELECT stream_authorize('banned')$$, 'ST017', NULL, 'and so are bans');

SELECT * FROM finish();
ROLLBACK;
