-- stream_flag and stream_unflag.
BEGIN;
\ir lib/moderation.sql
DELETE FROM stream.flags;
SELECT (SELECT id FROM stream.activities WHERE deleted_at IS NULL ORDER BY id LIMIT 1) AS activity,
       (SELECT id FROM stream.comments WHERE deleted_at IS NULL ORDER BY id LIMIT 1) AS comment \gset
UPDATE stream.activities SET deleted_at = '2024-02-02' WHERE id = (SELECT max(id) FROM stream.activities);
UPDATE stream.comments SET deleted_at = '2024-02-02' WHERE id = (SELECT max(id) FROM stream.comments);
SELECT stream_flag('message', 'bc1', 'eve') \g /dev/null

CREATE TEMPORARY TABLE refusals (
    n integer GENERATED ALWAYS AS IDENTITY, call text, operation text, code integer, path text, id text, rule text);
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT %s(%L, %L, %L)', function, entity_type, entity_id, flagger), operation, code, path, id, format('%s: %s is refused', function, rule)
  FROM (VALUES ('stream_flag', 'Flag'), ('stream_unflag', 'Unflag')) AS f (function, operation),
       (VALUES (1, NULL, 'ab1', 'ann', 4, 'entity_type', NULL, 'no type'),
               (2, 'channel', 'ab1', 'ann', 4, 'entity_type', NULL, 'a type that can''t be flagged'),
               (3, 'Message', 'ab1', 'ann', 4, 'entity_type', NULL, 'a type in capitals'),
               (4, 'message', NULL, 'ann', 4, 'entity_id', NULL, 'nothing to flag'),
               (5, 'message', 'ab1', NULL, 4, 'user_id', NULL, 'nobody as the one who flags'),
               (6, 'message', 'ab1', 'nobody', 16, 'user_id', 'nobody', 'an unknown user'),
               (7, 'message', 'ab1', 'soft', 17, 'user_id', 'soft', 'a deleted user'),
               (8, 'message', 'ab1', 'erasing', 17, 'user_id', 'erasing', 'a user being erased'),
               (9, 'message', 'ab1', 'idle', 17, 'user_id', 'idle', 'a deactivated user')) AS r (n, entity_type, entity_id, flagger, code, path, id, rule)
 ORDER BY function, n;
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT stream_flag(%L, %L, ''ann'')', entity_type, entity_id), 'Flag', code, 'entity_id', NULLIF(entity_id, ''), rule || ' is refused'
  FROM (VALUES ('message', 'nothing', 16, 'an unknown message'), ('user', 'nobody', 16, 'an unknown user'), ('activity', 'nothing', 16, 'an unknown activity'),
               ('comment', 'nothing', 16, 'an unknown comment'), ('message', '', 16, 'an empty id'), ('message', :'activity', 16, 'the id of another kind'),
               ('message', 'ab3', 4, 'a deleted message'), ('user', 'soft', 4, 'a deleted user'), ('user', 'erasing', 4, 'a user being erased'),
               ('activity', (SELECT max(id) FROM stream.activities), 4, 'a deleted activity'),
               ('comment', (SELECT max(id) FROM stream.comments), 4, 'a deleted comment')) AS e (entity_type, entity_id, code, rule);
INSERT INTO refusals (call, operation, code, path, id, rule) VALUES
    ('SELECT stream_flag(''message'', ''ab1'', ''ann'', NULL, ''[]'')', 'Flag', 4, 'custom', NULL, 'custom that is an array is refused'),
    ('SELECT stream_flag(''message'', ''ab1'', ''ann'', NULL, ''7'')', 'Flag', 4, 'custom', NULL, 'custom that is a number is refused'),
    ('SELECT stream_flag(''message'', ''bc1'', ''eve'', ''again'')', 'Flag', 4, 'entity_id', 'bc1', 'flagging the same thing twice is refused');

SELECT plan((SELECT count(*)::integer FROM refusals) + 19);
SELECT pg_temp.refused(call, operation, code, path, id, rule) FROM refusals ORDER BY n;
SELECT throws_ok($$SELECT stream_flag('message', 'bc1', 'eve')$$, 'ST004', 'Flag failed with error: "flag already exists"', 'in the API''s words');

SELECT stream_flag('message', 'ab1', 'ben', 'spam', '{"severity": 2}') AS answer \gset
SELECT is((:'answer'::jsonb -> 'flag') - '{id,user,created_at}'::text[],
          '{"entity_type": "message", "entity_id": "ab1", "user_id": "ben", "reason": "spam", "custom": {"severity": 2}}', 'the answer has the flag');
SELECT is(:'answer'::jsonb #> '{flag,user}',
          stream_get_user('ben') - '{duration,devices,mutes,channel_mutes,unread_count,total_unread_count,unread_channels,unread_threads}'::text[],
          'with the user who flagged in short form');
SELECT is((SELECT to_jsonb(f) - 'created_at' FROM stream.flags AS f WHERE user_id = 'ben'),
          jsonb_build_object('id', :'answer'::jsonb -> 'item_id', 'entity_type', 'message', 'entity_id', 'ab1', 'user_id', 'ben', 'reason', 'spam', 'custom', '{"severity": 2}'::jsonb),
          'which is kept as it was made');
SELECT is(:'answer'::jsonb #> '{flag,id}', :'answer'::jsonb -> 'item_id', 'under the id of the answer');
SELECT is((:'answer'::jsonb #>> '{flag,created_at}')::bigint, (SELECT (extract(epoch FROM created_at) * 1000000)::bigint * 1000 FROM stream.flags WHERE user_id = 'ben'),
          'and with its time');
SELECT is((stream_flag('user', 'cat', 'ben') -> 'flag') - '{id,user,created_at}'::text[],
          '{"entity_type": "user", "entity_id": "cat", "user_id": "ben", "custom": {}}', 'reason and custom may be left out');
SELECT lives_ok(format('SELECT stream_flag(''activity'', %L, ''ben'', NULL, NULL), stream_flag(''comment'', %L, ''ben'')', :'activity', :'comment'),
                'activities and comments can be flagged');
SELECT lives_ok($$SELECT stream_flag('user', 'idle', 'ben')$$, 'a deactivated user can be flagged');
SELECT lives_ok($$SELECT stream_flag('message', 'ab1', 'dan')$$, 'others can flag the same');
INSERT INTO stream.messages (cid, id, user_id, deleted_at) VALUES ('team:trio', 'ab2', 'dan', now());
SELECT lives_ok($$SELECT stream_flag('message', 'ab2', 'dan')$$, 'an id that also a deleted message of another channel has can be flagged');

SELECT is(stream_unflag('message', 'ab1', 'ben') - 'duration', '{}', 'taking a flag back answers with its duration');
SELECT is((SELECT array_agg(user_id ORDER BY user_id) FROM stream.flags WHERE entity_id = 'ab1'), '{dan}', 'it is gone, and no other');
SELECT lives_ok($$SELECT stream_unflag('message', 'ab1', 'ben'), stream_unflag('message', 'nothing', 'ben')$$, 'taking back what was not flagged is no error');
SELECT lives_ok($$SELECT stream_flag('message', 'ab1', 'ben')$$, 'what was taken back can be flagged again');

-- A user that is erased leaves no trace.
SELECT stream_flag('user', 'ann', 'dan'), stream_flag('message', 'cd1', 'ann'), stream_flag('message', 'tr1', 'dan') \g /dev/null
SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', new_owner => 'nora', new_call_owner => 'nora') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is_empty($$SELECT * FROM stream_verify_erasure('ann')$$, 'a user that is erased leaves no trace in flags');
SELECT is((SELECT count(*)::integer FROM stream.flags WHERE entity_id IN ('ann', 'tr1') OR user_id = 'ann'), 0, 'neither on the user nor on its messages nor by it');

-- By the id alone a message is found by an index.
CREATE TEMPORARY TABLE plans (line text);
INSERT INTO stream.messages (cid, id, user_id) SELECT 'team:' || i % 20, 'many-' || i, 'dan' FROM generate_series(1, 5000) AS i;
ANALYZE stream.messages;
DO $$
DECLARE
    line text;
BEGIN
    FOR line IN EXPLAIN SELECT FROM stream.messages WHERE id = 'ab1' LOOP
        INSERT INTO plans VALUES (line);
    END LOOP;
END
$$;
SELECT ok(EXISTS (SELECT FROM plans WHERE line LIKE '%messages_id%'), 'a message is found by its id alone through an index');

-- Levels
SELECT is((SELECT jsonb_object_agg(function::regproc::text, level) FROM stream.function_levels
            WHERE function::text ~ 'ban|mute|block|flag'),
          '{"stream_ban_user": "moderator", "stream_unban_user": "moderator", "stream_query_banned_users": "reader",
            "stream_mute_users": "moderator", "stream_unmute_users": "moderator", "stream_mute_channels": "moderator",
            "stream_unmute_channels": "moderator", "stream_block_user": "moderator", "stream_unblock_user": "moderator",
            "stream_get_blocked_users": "reader", "stream_flag": "moderator", "stream_unflag": "moderator"}',
          'moderators write; readers read bans and blocks');

SELECT * FROM finish();
ROLLBACK;
