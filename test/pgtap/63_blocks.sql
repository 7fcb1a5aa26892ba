-- stream_block_user, stream_unblock_user, stream_get_blocked_users.
BEGIN;
\ir lib/moderation.sql
DELETE FROM stream.blocks;

CREATE TEMPORARY TABLE refusals (
    n integer GENERATED ALWAYS AS IDENTITY, call text, operation text, code integer, path text, id text, rule text);
INSERT INTO refusals (call, operation, code, path, id, rule)
SELECT format('SELECT %s(%L, %L)', function, blocker, blocked), operation, code, path, NULLIF(id, ''), format('%s: %s is refused', function, rule)
  FROM (VALUES ('stream_block_user', 'BlockUsers'), ('stream_unblock_user', 'UnblockUsers')) AS f (function, operation),
       (VALUES (1, NULL, 'ben', 4, 'user_id', NULL, 'nobody as the blocker'),
               (2, 'nobody', 'ben', 16, 'user_id', 'nobody', 'an unknown blocker'),
               (3, 'soft', 'ben', 17, 'user_id', 'soft', 'a deleted blocker'),
               (4, 'erasing', 'ben', 17, 'user_id', 'erasing', 'a blocker who is being erased'),
               (5, 'idle', 'ben', 17, 'user_id', 'idle', 'a deactivated blocker'),
               (6, 'ann', NULL, 4, 'blocked_user_id', NULL, 'nobody as the blocked user'),
               (7, 'ann', '', 16, 'blocked_user_id', '', 'an empty id'),
               (8, 'ann', 'zoe', 16, 'blocked_user_id', 'zoe', 'an unknown user')) AS r (n, blocker, blocked, code, path, id, rule)
 ORDER BY function, n;
INSERT INTO refusals (call, operation, code, path, id, rule) VALUES
    ('SELECT stream_block_user(''ann'', ''soft'')', 'BlockUsers', 4, 'blocked_user_id', 'soft', 'blocking a deleted user is refused'),
    ('SELECT stream_block_user(''ann'', ''erasing'')', 'BlockUsers', 4, 'blocked_user_id', 'erasing', 'blocking a user being erased is refused'),
    ('SELECT stream_block_user(''ann'', ''ann'')', 'BlockUsers', 4, 'blocked_user_id', 'ann', 'a user can''t block itself'),
    ('SELECT stream_get_blocked_users(NULL)', 'GetBlockedUsers', 4, 'user_id', NULL, 'nobody''s blocks are refused'),
    ('SELECT stream_get_blocked_users(''nobody'')', 'GetBlockedUsers', 16, 'user_id', 'nobody', 'an unknown user''s blocks are refused');

SELECT plan((SELECT count(*)::integer FROM refusals) + 18);
SELECT pg_temp.refused(call, operation, code, path, id, rule) FROM refusals ORDER BY n;

SELECT is(stream_block_user('ann', 'eve') - '{duration,created_at}'::text[], '{"blocked_user_id": "eve", "blocked_by_user_id": "ann"}',
          'the answer says who blocks whom');
UPDATE stream.blocks SET created_at = '2024-01-02';
SELECT is(stream_block_user('ann', 'eve') - 'duration',
          '{"blocked_user_id": "eve", "blocked_by_user_id": "ann", "created_at": 1704153600000000000}', 'blocking again keeps the block as it is');
SELECT stream_block_user('ann', 'ben'), stream_block_user('ann', 'idle'), stream_block_user('cat', 'ann') \g /dev/null
SELECT is(stream_get_user('ann') -> 'blocked_user_ids', '["ben", "eve", "idle"]', 'the user object has the blocked users');

SELECT stream_get_blocked_users('ann') AS answer \gset
SELECT is(jsonb_path_query_array(:'answer', '$.blocks[*].blocked_user_id'), '["eve", "ben", "idle"]', 'the list has the oldest block first');
SELECT is((:'answer'::jsonb #> '{blocks,0}') - '{user,blocked_user}'::text[],
          '{"user_id": "ann", "blocked_user_id": "eve", "created_at": 1704153600000000000}', 'a block says who, whom and since when');
SELECT is(:'answer'::jsonb #> '{blocks,0,blocked_user}',
          stream_get_user('eve') - '{duration,devices,mutes,channel_mutes,unread_count,total_unread_count,unread_channels,unread_threads}'::text[],
          'with the blocked user in short form');
SELECT is(:'answer'::jsonb #> '{blocks,0,user,blocked_user_ids}', '["ben", "eve", "idle"]', 'and the one who blocks');
SELECT is(stream_get_blocked_users('dan') - 'duration', '{"blocks": []}', 'a user who blocks nobody has an empty list');
SELECT is(jsonb_array_length(stream_get_blocked_users('idle') -> 'blocks'), 0, 'a deactivated user''s list can be read');

SELECT is(stream_unblock_user('ann', 'eve') - 'duration', '{}', 'unblocking answers with its duration');
SELECT set_eq('SELECT user_id, blocked_user_id FROM stream.blocks', $$VALUES ('ann', 'ben'), ('ann', 'idle'), ('cat', 'ann')$$, 'the block is over, and no other');
SELECT lives_ok($$SELECT stream_unblock_user('ann', 'eve')$$, 'unblocking whom one does not block is no error');
SELECT stream_delete_users('{ben}') \g /dev/null
SELECT ok(stream_get_blocked_users('ann') #> '{blocks,0,blocked_user}' ? 'deleted_at', 'a blocked user who is deleted is still in the list');
SELECT is(stream_unblock_user('ann', 'ben') - 'duration', '{}', 'and can be unblocked');
SELECT is((SELECT count(*)::integer FROM stream.blocks WHERE blocked_user_id = 'ben'), 0, 'which ends the block');
SELECT throws_ok($$INSERT INTO stream.blocks (user_id, blocked_user_id) VALUES ('idle', 'ann')$$, 'ST017', NULL, 'a deactivated user blocks nobody by SQL either');

SELECT stream_block_user('ann', 'dan'), stream_block_user('dan', 'ann') \g /dev/null
SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', new_owner => 'nora', new_call_owner => 'nora') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is_empty($$SELECT * FROM stream_verify_erasure('ann')$$, 'a user that is erased leaves no trace in blocks');
SELECT is((SELECT count(*)::integer FROM stream.blocks), 0, 'neither as the one who blocks nor as the blocked one');

SELECT * FROM finish();
ROLLBACK;
