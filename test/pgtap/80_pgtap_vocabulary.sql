-- The assertions of stream_users_pgtap: each passes when it should, fails when it should, and says what it
-- found instead. All run with the three extensions in schemas of their own.
BEGIN;
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS stream_users, pgtap CASCADE;
CREATE SCHEMA tap;
CREATE SCHEMA api;
CREATE SCHEMA words;
CREATE EXTENSION pgtap SCHEMA tap;
CREATE EXTENSION stream_users SCHEMA api;
CREATE EXTENSION stream_users_pgtap SCHEMA words;
RESET client_min_messages;
SET LOCAL search_path = api, words, tap;
SET LOCAL timezone = 'UTC';

SELECT * FROM no_plan();

-- One test: the assertion passes; and one that it fails with these diagnostics, in which times are <time>
-- and tasks <task>.
CREATE FUNCTION pg_temp.passes(assertion text, description text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    EXECUTE 'SELECT ' || assertion INTO said;
    RETURN (SELECT string_agg(line, E'\n') FROM check_test(said, true, assertion, description, '') AS line);
END
$$;
CREATE FUNCTION pg_temp.fails(assertion text, description text, diagnostics text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    EXECUTE 'SELECT ' || assertion INTO said;
    said := regexp_replace(said, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00', '<time>', 'g');
    said := regexp_replace(said, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<task>', 'g');
    RETURN (SELECT string_agg(line, E'\n') FROM check_test(said, false, assertion, description, diagnostics) AS line);
END
$$;

-- A user in each state
SELECT stream_upsert_users('[{"id": "ann", "name": "Ann", "custom": {"plan": "pro", "a.b": {"c": [1, 2]}}, "teams": ["red"]},
    {"id": "idle"}, {"id": "soft"}, {"id": "pruned"}, {"id": "erasing"}, {"id": "erased"}]', false) \g /dev/null
INSERT INTO stream.messages (cid, id, user_id, text, mentioned_user_ids)
VALUES ('team:x', 'm1', 'ann', 'one', '{}'), ('team:x', 'm2', 'ann', 'two', '{ann}'), ('team:x', 'm3', 'idle', 'three', '{}');
SELECT stream_deactivate_user('idle', created_by_id => 'ann') \g /dev/null
SELECT stream_delete_users('{soft}'), stream_delete_users('{pruned}', 'pruning', 'pruning'),
       stream_delete_users('{erased}', 'hard', 'hard', 'hard', 'hard') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_delete_users('{erasing}', 'hard', 'hard', 'hard', 'hard') ->> 'task_id' AS erasing \gset
SELECT stream_cancel_task(:'erasing') \g /dev/null

-- Who is there, in which state: each assertion against each user
CREATE TEMPORARY TABLE truth (assertion text, says text, passes_for text[]);
INSERT INTO truth VALUES
    ('user_exists(%L)', 'exists', '{ann,idle}'), ('user_is_not_deleted(%L)', 'is not deleted', '{ann,idle}'),
    ('user_does_not_exist(%L)', 'does not exist', '{erased,nobody}'), ('user_is_active(%L)', 'is active', '{ann}'),
    ('user_is_deactivated(%L)', 'is deactivated', '{idle}'), ('user_is_deleted(%L)', 'is deleted', '{soft,pruned,erasing}'),
    ('user_is_deleted(%L, ''soft'')', 'is deleted (soft)', '{soft}'), ('user_is_deleted(%L, ''pruning'')', 'is deleted (pruning)', '{pruned}'),
    ('user_is_deleted(%L, ''hard'')', 'is deleted (hard)', '{erasing}');
SELECT CASE WHEN id = ANY (passes_for) THEN pg_temp.passes(format(assertion, id), sentence) ELSE pg_temp.fails(format(assertion, id), sentence, found) END
  FROM truth,
       (VALUES ('ann', 'is active'), ('idle', 'has been deactivated since <time>, by "ann"'), ('soft', 'has been deleted (soft) since <time>'),
               ('pruned', 'has been deleted (pruning) since <time>'), ('erasing', 'has been deleted (hard) since <time>'),
               ('erased', 'does not exist'), ('nobody', 'does not exist')) AS u (id, state),
       format('user "%s" %s', id, says) AS sentence, format('    found: user "%s" %s', id, state) AS found
 ORDER BY assertion, id;
SELECT pg_temp.fails(format(assertion, NULL), format('user "" %s', says), '    found: the id is null') FROM truth ORDER BY assertion;
SELECT pg_temp.passes($$user_exists('ann', 'ann is here')$$, 'ann is here');
SELECT pg_temp.passes($$user_is_deleted('soft', description => 'soft is gone')$$, 'soft is gone');
SELECT pg_temp.fails($$user_is_active('idle', 'idle''s back')$$, 'idle''s back', '    found: user "idle" has been deactivated since <time>, by "ann"');

-- What a user has
SELECT pg_temp.passes($$user_has('ann', 'name', '"Ann"')$$, 'user "ann" has name: "Ann"');
SELECT pg_temp.passes($$user_has('ann', 'custom.plan', '"pro"')$$, 'user "ann" has custom.plan: "pro"');
SELECT pg_temp.passes($$user_has('ann', 'custom.a\.b.c', '[1, 2]', 'a key with a dot in it')$$, 'a key with a dot in it');
SELECT pg_temp.passes($$user_has('ann', 'image', NULL)$$, 'user "ann" has image: nothing');
SELECT pg_temp.passes($$user_has('soft', 'role', '"user"')$$, 'user "soft" has role: "user"');
SELECT pg_temp.fails($$user_has('ann', 'custom.plan', '"free"')$$, 'user "ann" has custom.plan: "free"', E'        have: "pro"\n        want: "free"');
SELECT pg_temp.fails($$user_has('ann', 'teams', NULL)$$, 'user "ann" has teams: nothing', E'        have: ["red"]\n        want: nothing');
SELECT pg_temp.fails($$user_has('ann', 'custom.plans', 'null')$$, 'user "ann" has custom.plans: null', E'        have: nothing\n        want: null');
SELECT pg_temp.fails($$user_has('nobody', 'image', NULL)$$, 'user "nobody" has image: nothing', '    found: user "nobody" does not exist');

-- Queries
SELECT pg_temp.passes($$user_matches_query('ann', '{"custom.plan": "pro", "teams": {"$contains": "red"}}')$$,
                      'user "ann" matches {"teams": {"$contains": "red"}, "custom.plan": "pro"}');
SELECT pg_temp.passes($$user_does_not_match_query('ann', '{"name": "Bob"}')$$, 'user "ann" does not match {"name": "Bob"}');
SELECT pg_temp.passes($$user_does_not_match_query('soft', '{"role": "user"}')$$, 'user "soft" does not match {"role": "user"}');
SELECT pg_temp.fails($$user_matches_query('ann', '{"plan": "free", "name": "Ann", "badge": 7, "$or": [{"role": "user"}]}')$$,
                     'user "ann" matches {"$or": [{"role": "user"}], "name": "Ann", "plan": "free", "badge": 7}',
                     E'    found: user "ann" is active\n     have: badge: nothing\n     have: name: "Ann"\n     have: plan: "pro"');
SELECT pg_temp.fails($$user_matches_query('idle', '{"role": "user"}', 'idle is found')$$, 'idle is found',
                     E'    found: user "idle" has been deactivated since <time>, by "ann"\n     have: role: "user"\n'
                     '     such users are in no query that does not ask for them');
SELECT pg_temp.fails($$user_does_not_match_query('ann', '{"role": "user"}')$$, 'user "ann" does not match {"role": "user"}',
                     E'    found: user "ann" is active\n     have: role: "user"');
SELECT pg_temp.fails($$user_does_not_match_query('nobody', '{"role": "user"}')$$, 'user "nobody" does not match {"role": "user"}',
                     '    found: user "nobody" does not exist');
SELECT throws_ok($$SELECT user_matches_query('ann', '{"role": {"$like": "u"}}')$$, 'ST004', NULL, 'a filter that is none is an error, not a failure');

-- Connecting
SELECT pg_temp.passes($$user_can_connect('ann')$$, 'user "ann" can connect');
SELECT pg_temp.passes($$user_cannot_connect('idle')$$, 'user "idle" cannot connect');
SELECT pg_temp.passes($$user_cannot_connect('soft', 17)$$, 'user "soft" cannot connect (code 17)');
SELECT pg_temp.passes($$user_cannot_connect('nobody', 16, 'strangers stay out')$$, 'strangers stay out');
SELECT pg_temp.fails($$user_cannot_connect('ann')$$, 'user "ann" cannot connect', '    found: user "ann" can connect');
SELECT pg_temp.fails($$user_cannot_connect('ann', 17)$$, 'user "ann" cannot connect (code 17)', '    found: user "ann" can connect');
CREATE FUNCTION pg_temp.reason(id text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
BEGIN
    PERFORM stream_authorize(id);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
    RETURN message;
END
$$;
SELECT pg_temp.fails($$user_can_connect('idle')$$, 'user "idle" can connect', '    found: ' || pg_temp.reason('idle'));
SELECT pg_temp.fails($$user_cannot_connect('idle', 40)$$, 'user "idle" cannot connect (code 40)', '    found: code 17: ' || pg_temp.reason('idle'));
UPDATE stream.users SET revoke_tokens_issued_before = '2024-06-01' WHERE id = 'ann';
SELECT pg_temp.passes($$user_can_connect('ann', token_issued_at => '2024-06-02')$$, 'user "ann" can connect');
SELECT pg_temp.passes($$user_cannot_connect('ann', 40, token_issued_at => '2024-05-31')$$, 'user "ann" cannot connect (code 40)');

-- Bans
INSERT INTO stream.bans (target_user_id, channel_cid, banned_by_id, reason, shadow, expires) VALUES
    ('ann', 'team:x', NULL, 'rude', false, NULL), ('ann', 'team:y', NULL, NULL, true, NULL),
    ('idle', '', NULL, 'spam', false, '2024-01-01'), ('soft', '', NULL, NULL, false, 'infinity');
SELECT pg_temp.passes($$user_is_banned('ann', 'team:x')$$, 'user "ann" is banned from team:x');
SELECT pg_temp.passes($$user_is_banned('soft')$$, 'user "soft" is banned');
SELECT pg_temp.passes($$user_is_shadow_banned('ann', 'team:y')$$, 'user "ann" is shadow-banned from team:y');
SELECT pg_temp.passes($$user_is_not_banned('ann')$$, 'user "ann" is not banned');
SELECT pg_temp.passes($$user_is_not_banned('idle', description => 'bans end')$$, 'bans end');
SELECT pg_temp.fails($$user_is_banned('ann')$$, 'user "ann" is banned', '    found: user "ann" is active, and is not banned');
SELECT pg_temp.fails($$user_is_banned('ann', 'team:y')$$, 'user "ann" is banned from team:y', '    found: a shadow ban from team:y');
SELECT pg_temp.fails($$user_is_banned('idle')$$, 'user "idle" is banned', '    found: a ban from the application that ended at <time>, for: spam');
SELECT pg_temp.fails($$user_is_shadow_banned('ann', 'team:x')$$, 'user "ann" is shadow-banned from team:x', '    found: a ban from team:x, for: rude');
SELECT pg_temp.fails($$user_is_not_banned('ann', 'team:y')$$, 'user "ann" is not banned from team:y', '    found: a shadow ban from team:y');
SELECT pg_temp.fails($$user_is_not_banned('soft')$$, 'user "soft" is not banned', '    found: a ban from the application until infinity');
SELECT pg_temp.fails($$user_is_not_banned('nobody')$$, 'user "nobody" is not banned', '    found: user "nobody" does not exist, and is not banned');
SELECT pg_temp.fails($$user_is_not_banned(NULL)$$, 'user "" is not banned', '    found: the id is null, and is not banned');

-- Rows
CREATE TABLE orders (id bigint PRIMARY KEY, buyer text, seller text);
CREATE INDEX ON orders (buyer, id);
SELECT api.stream_bind_table('api.orders', 'buyer', 'author') \g /dev/null
INSERT INTO orders VALUES (1, 'ann', 'idle'), (2, 'ann', 'idle');
SELECT pg_temp.passes($$user_has_rows('ann', 'orders', 'buyer', 2)$$, 'user "ann" has 2 rows in orders.buyer');
SELECT pg_temp.passes($$user_has_rows('ann', 'stream.messages', 'mentioned_user_ids', 1)$$, 'user "ann" has 1 row in stream.messages.mentioned_user_ids');
SELECT pg_temp.passes($$user_has_rows('idle', 'orders', 'buyer', 0, 'idle buys nothing')$$, 'idle buys nothing');
SELECT pg_temp.fails($$user_has_rows('ann', 'stream.messages', 'user_id', 3)$$, 'user "ann" has 3 rows in stream.messages.user_id',
                     E'        have: 2\n        want: 3');
SELECT pg_temp.fails($$user_has_rows('ann', 'orders', 'seller', 0, 'ann sells nothing')$$, 'ann sells nothing',
                     '    found: column orders.seller is not bound; stream_bind_table does that');
SELECT pg_temp.passes($$no_trace_of('erased')$$, 'nothing holds the id "erased"');
SELECT pg_temp.passes($$no_trace_of('nobody', 'nobody was ever here')$$, 'nobody was ever here');
SELECT pg_temp.fails($$no_trace_of('idle')$$, 'nothing holds the id "idle"',
                     (SELECT string_agg(format('    found: %s in %s.%s', CASE rows WHEN 1 THEN '1 row' ELSE rows || ' rows' END, relation, column_name),
                                        E'\n' ORDER BY relation::text COLLATE "C", column_name COLLATE "C") FROM stream_verify_erasure('idle')));
SELECT * FROM check_test(no_trace_of('ann'), false, 'no_trace_of with rows in several tables', 'nothing holds the id "ann"',
                         '^    found: 2 rows in orders\.buyer\n(.*\n)*    found: 2 rows in stream\.messages\.user_id\n', true);

-- Tasks that this transaction has made: they are run in it.
SELECT stream_delete_users('{ann}') ->> 'task_id' AS soft \gset
SELECT pg_temp.passes(format('task_completes(%L)', :'soft'), 'the task completes within 00:01:00');
SELECT pg_temp.passes(format('task_completes(%L::uuid, ''10 s'')', :'soft'), 'the task completes within 00:00:10');
SELECT is((SELECT count(*) FROM stream.messages WHERE user_id = 'ann' AND deleted_at IS NULL), 0::bigint, 'its work is done then');
SELECT pg_temp.fails(format('task_fails(%L)', :'soft'), 'the task fails within 00:01:00',
                     E'    found: task <task> is completed\n     done: 3 of 3 rows, at: completed');
CREATE FUNCTION pg_temp.jam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = 'XX123'; END $$;
CREATE TRIGGER jam BEFORE UPDATE ON stream.messages FOR EACH ROW WHEN (NEW.id = 'm3') EXECUTE FUNCTION pg_temp.jam();
SELECT stream_delete_users('{idle}') ->> 'task_id' AS jammed \gset
SELECT pg_temp.passes(format('task_fails(%L, error_type => ''XX123'')', :'jammed'), 'the task fails within 00:01:00 with XX123');
SELECT pg_temp.passes(format('task_fails(%L, ''1 s'', description => ''no room, no deletion'')', :'jammed'), 'no room, no deletion');
SELECT pg_temp.fails(format('task_completes(%L)', :'jammed'), 'the task completes within 00:01:00',
                     E'    found: task <task> is failed\n     done: 0 of ? rows, at: mark stream.messages by user_id\n    error: XX123: no room');
SELECT pg_temp.fails(format('task_fails(%L, error_type => ''40001'')', :'jammed'), 'the task fails within 00:01:00 with 40001',
                     E'    found: task <task> is failed\n     done: 0 of ? rows, at: mark stream.messages by user_id\n    error: XX123: no room');
SELECT pg_temp.fails('task_completes(NULL)', 'the task completes within 00:01:00',
                     '    found: no task; the call that should have made one had nothing for it to do');
SELECT pg_temp.fails('task_fails(NULL::uuid)', 'the task fails within 00:01:00',
                     '    found: no task; the call that should have made one had nothing for it to do');
SELECT pg_temp.fails('task_completes(''11111111-2222-3333-4444-555555555555'')', 'the task completes within 00:01:00',
                     '    found: task <task> does not exist');

-- What the extension shows to the outside
CREATE TEMPORARY TABLE functions AS
SELECT p.oid, p.proname, p.proargnames, p.proconfig, p.prosecdef, p.provolatile, obj_description(p.oid, 'pg_proc') AS comment
  FROM pg_depend AS d JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
  JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
 WHERE e.extname = 'stream_users_pgtap' AND d.deptype = 'e';
SELECT cmp_ok((SELECT count(*) FROM functions), '>=', 25::bigint, 'the extension has its functions');
SELECT is_empty($$SELECT oid::regprocedure, arg FROM functions, unnest(proargnames) AS arg WHERE comment !~ ('\n' || arg || ': ') IS DISTINCT FROM false$$,
                'each is described, with each of its arguments');
SELECT is_empty($$SELECT oid::regprocedure FROM functions WHERE proconfig IS DISTINCT FROM '{"search_path=words, api, tap, pg_temp"}'$$,
                'each finds what it calls whatever the caller''s search_path is');
SELECT is_empty($$SELECT oid::regprocedure FROM functions WHERE prosecdef OR provolatile <> 'v'$$,
                'each runs with the caller''s rights, and sees what the same statement has done');
SET LOCAL search_path = tap, words;
SELECT api.stream_upsert_users('{"id": "zed"}') \g /dev/null
SELECT user_exists('zed', 'an assertion finds stream_users out of reach of the caller');

SELECT * FROM finish();
ROLLBACK;
