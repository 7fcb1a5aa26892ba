-- What the modes of a deletion do to every row of every product table.
--
-- The table of rules below is the whole law: one row a rule. Every legal combination of modes is
-- run on the same world, and afterwards each row must be exactly as the rules that apply to it
-- say, and a row to which none applies must not even have been written.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/world.sql
\ir lib/law.sql

-- What belongs to whom, as the rules speak of it

-- Channels with exactly two members, one of them one of the users; who has left is no member.
CREATE FUNCTION pg_temp.conversations(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT cid FROM stream.channel_members WHERE deleted_at IS NULL
     GROUP BY cid HAVING count(*) = 2 AND bool_or(user_id = ANY (users))
$$;
CREATE FUNCTION pg_temp.calls_of_two(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT call_cid FROM stream.call_members
     GROUP BY call_cid HAVING count(*) = 2 AND bool_or(user_id = ANY (users))
$$;
CREATE FUNCTION pg_temp.sessions_of_two(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT id FROM stream.call_sessions WHERE call_cid IN (SELECT pg_temp.calls_of_two(users))
$$;
CREATE FUNCTION pg_temp.messages_by(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT id FROM stream.messages WHERE user_id = ANY (users)
$$;
CREATE FUNCTION pg_temp.messages_in_conversations(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT id FROM stream.messages WHERE cid IN (SELECT pg_temp.conversations(users))
$$;
CREATE FUNCTION pg_temp.feeds_of(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT fid FROM stream.feeds WHERE created_by_id = ANY (users)
$$;
CREATE FUNCTION pg_temp.activities_by(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT id FROM stream.activities WHERE user_id = ANY (users)
$$;
CREATE FUNCTION pg_temp.activities_in_feeds_of(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT id FROM stream.activities WHERE fid IN (SELECT pg_temp.feeds_of(users))
$$;
CREATE FUNCTION pg_temp.comments_by(users text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT id FROM stream.comments WHERE user_id = ANY (users)
$$;
CREATE FUNCTION pg_temp.comments_on(activities text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT id FROM stream.comments WHERE activity_id = ANY (activities)
$$;

-- user_mode
INSERT INTO rules (governor, modes, relation, effect, columns, rows, rule) VALUES
    ('user', '{pruning}', 'stream.devices', 'gone', NULL, 't.user_id = ANY ($1)',
     'a pruned user''s devices are gone'),
    ('user', '{pruning}', 'stream.response_times', 'gone', NULL, 't.user_id = ANY ($1)',
     'nothing is left of how fast a pruned user answered'),
    ('user', '{soft,pruning}', 'stream.feeds', 'marked', NULL, 't.created_by_id = ANY ($1)',
     'a soft-deleted or pruned user''s own feeds are marked'),

    ('user', '{hard}', 'stream.devices', 'gone', NULL, 't.user_id = ANY ($1)',
     'a hard-deleted user''s devices are gone'),
    ('user', '{hard}', 'stream.response_times', 'gone', NULL, 't.user_id = ANY ($1)',
     'nothing is left of how fast a hard-deleted user answered'),
    ('user', '{hard}', 'stream.user_mutes', 'gone', NULL, 't.user_id = ANY ($1) OR t.target_id = ANY ($1)',
     'the mutes the user made, and those of the user'),
    ('user', '{hard}', 'stream.channel_mutes', 'gone', NULL, 't.user_id = ANY ($1)', 'the muted channels'),
    ('user', '{hard}', 'stream.blocks', 'gone', NULL, 't.user_id = ANY ($1) OR t.blocked_user_id = ANY ($1)',
     'the blocks the user made, and those of the user'),
    ('user', '{hard}', 'stream.bans', 'gone', NULL, 't.target_user_id = ANY ($1)', 'the bans of the user'),
    ('user', '{hard}', 'stream.flags', 'gone', NULL, 't.user_id = ANY ($1)', 'the flags the user made'),
    ('user', '{hard}', 'stream.flags', 'gone', NULL, 't.entity_type = ''user'' AND t.entity_id = ANY ($1)',
     'the flags on the user'),
    ('user', '{hard}', 'stream.channel_members', 'gone', NULL, 't.user_id = ANY ($1)',
     'the memberships, ended ones too'),
    ('user', '{hard}', 'stream.reads', 'gone', NULL, 't.user_id = ANY ($1)', 'the reads'),
    ('user', '{hard}', 'stream.reactions', 'gone', NULL, 't.user_id = ANY ($1)',
     'the reactions on other people''s messages'),
    ('user', '{hard}', 'stream.call_members', 'gone', NULL, 't.user_id = ANY ($1)', 'the memberships in calls'),
    ('user', '{hard}', 'stream.call_participants', 'gone', NULL, 't.user_id = ANY ($1)', 'the participations in calls'),
    ('user', '{hard}', 'stream.bookmarks', 'gone', NULL, 't.user_id = ANY ($1)', 'the bookmarks'),
    ('user', '{hard}', 'stream.feeds', 'gone', NULL, 't.created_by_id = ANY ($1)', 'the user''s own feeds'),
    ('user', '{hard}', 'stream.follows', 'gone', NULL,
     't.source_fid IN (SELECT pg_temp.feeds_of($1)) OR t.target_fid IN (SELECT pg_temp.feeds_of($1))',
     'the follows from and to those feeds'),
    ('user', '{hard}', 'stream.activities', 'gone', NULL, 't.fid IN (SELECT pg_temp.feeds_of($1))',
     'what anybody posted in those feeds'),
    ('user', '{hard}', 'stream.comments', 'gone', NULL, 't.activity_id IN (SELECT pg_temp.activities_in_feeds_of($1))',
     'the comments there'),
    ('user', '{hard}', 'stream.feed_reactions', 'gone', NULL,
     't.activity_id IN (SELECT pg_temp.activities_in_feeds_of($1))', 'the feed reactions there'),
    ('user', '{hard}', 'stream.bookmarks', 'gone', NULL,
     't.activity_id IN (SELECT pg_temp.activities_in_feeds_of($1))', 'the bookmarks of what was there'),
    ('user', '{hard}', 'stream.flags', 'gone', NULL,
     $$(t.entity_type = 'activity' AND t.entity_id IN (SELECT pg_temp.activities_in_feeds_of($1)))
       OR (t.entity_type = 'comment' AND t.entity_id IN (
           SELECT pg_temp.comments_on(ARRAY(SELECT pg_temp.activities_in_feeds_of($1)))))$$,
     'the flags on what was there'),
    ('user', '{hard}', 'stream.messages', 'cleared', '["pinned_by_id"]', 't.pinned_by_id = ANY ($1)',
     'what the user pinned is pinned by nobody'),
    ('user', '{hard}', 'stream.messages', 'left out', '["mentioned_user_ids"]', 't.mentioned_user_ids && $1',
     'messages that mention the user and others mention the others'),
    ('user', '{hard}', 'stream.activities', 'left out', '["mentioned_user_ids"]', 't.mentioned_user_ids && $1',
     'so do activities'),
    ('user', '{hard}', 'stream.bans', 'cleared', '["banned_by_id"]', 't.banned_by_id = ANY ($1)',
     'those whom the user banned are banned by nobody'),
    ('user', '{hard}', 'stream.users', 'cleared', '["deactivated_by_id"]', 't.deactivated_by_id = ANY ($1)',
     'those whom the user deactivated were deactivated by nobody'),
    ('user', '{hard}', 'stream.channels', 'transferred', '["created_by_id"]', 't.created_by_id = ANY ($1)',
     'channels of a hard-deleted user that are not conversations get the new owner'),
    ('user', '{hard}', 'stream.calls', 'transferred', '["created_by_id"]', 't.created_by_id = ANY ($1)',
     'calls of a hard-deleted user that stay get the new call owner');

-- messages_mode
INSERT INTO rules (governor, modes, relation, effect, columns, rows, rule) VALUES
    ('messages', '{soft}', 'stream.messages', 'marked', NULL, 't.user_id = ANY ($1)',
     'the user''s messages are marked, nothing else'),
    ('messages', '{soft}', 'stream.activities', 'marked', NULL, 't.user_id = ANY ($1)', 'the user''s activities are marked'),
    ('messages', '{soft}', 'stream.comments', 'marked', NULL, 't.user_id = ANY ($1)', 'the user''s comments are marked'),

    ('messages', '{pruning}', 'stream.messages', 'emptied',
     '{"text": null, "attachments": [], "mentioned_user_ids": [], "custom": {}}', 't.user_id = ANY ($1)',
     'the user''s messages are marked and emptied, those deleted before too'),
    ('messages', '{pruning}', 'stream.reactions', 'gone', NULL, 't.message_id IN (SELECT pg_temp.messages_by($1))',
     'the reactions on them are gone, the user''s own reactions on other people''s rows are not'),
    ('messages', '{pruning}', 'stream.activities', 'emptied',
     '{"text": null, "attachments": [], "mentioned_user_ids": [], "custom": {}}', 't.user_id = ANY ($1)',
     'the user''s activities are marked and emptied'),
    ('messages', '{pruning}', 'stream.comments', 'emptied', '{"text": null}', 't.user_id = ANY ($1)',
     'the user''s comments are marked and emptied'),
    ('messages', '{pruning}', 'stream.feed_reactions', 'gone', NULL,
     $$t.activity_id IN (SELECT pg_temp.activities_by($1)) AND t.comment_id = ''
       OR t.comment_id IN (SELECT pg_temp.comments_by($1))$$,
     'the feed reactions on these activities and comments are gone'),
    ('messages', '{pruning}', 'stream.flags', 'gone', NULL,
     $$(t.entity_type = 'message' AND t.entity_id IN (SELECT pg_temp.messages_by($1)))
       OR (t.entity_type = 'activity' AND t.entity_id IN (SELECT pg_temp.activities_by($1)))
       OR (t.entity_type = 'comment' AND t.entity_id IN (SELECT pg_temp.comments_by($1)))$$,
     'the flags on these messages, activities and comments are gone'),

    ('messages', '{hard}', 'stream.messages', 'gone', NULL, 't.user_id = ANY ($1)', 'the user''s messages are gone'),
    ('messages', '{hard}', 'stream.reactions', 'gone', NULL, 't.message_id IN (SELECT pg_temp.messages_by($1))',
     'with the reactions on them'),
    ('messages', '{hard}', 'stream.messages', 'unlinked', '["parent_id"]', 't.parent_id IN (SELECT pg_temp.messages_by($1))',
     'replies to them have no parent'),
    ('messages', '{hard}', 'stream.messages', 'unlinked', '["quoted_message_id"]',
     't.quoted_message_id IN (SELECT pg_temp.messages_by($1))', 'messages that quoted them quote nothing'),
    ('messages', '{hard}', 'stream.activities', 'gone', NULL, 't.user_id = ANY ($1)', 'the user''s activities are gone'),
    ('messages', '{hard}', 'stream.bookmarks', 'gone', NULL, 't.activity_id IN (SELECT pg_temp.activities_by($1))',
     'with the bookmarks of them'),
    ('messages', '{hard}', 'stream.comments', 'gone', NULL,
     't.user_id = ANY ($1) OR t.activity_id IN (SELECT pg_temp.activities_by($1))',
     'the user''s comments are gone, and all comments on the user''s activities'),
    ('messages', '{hard}', 'stream.comments', 'unlinked', '["parent_id"]', 't.parent_id IN (SELECT pg_temp.comments_by($1))',
     'replies to the user''s comments have no parent'),
    ('messages', '{hard}', 'stream.feed_reactions', 'gone', NULL, 't.user_id = ANY ($1)',
     'the user''s feed reactions are gone'),
    ('messages', '{hard}', 'stream.feed_reactions', 'gone', NULL,
     $$t.activity_id IN (SELECT pg_temp.activities_by($1)) OR t.comment_id IN (SELECT pg_temp.comments_by($1))$$,
     'so are those on activities and comments that are gone'),
    ('messages', '{hard}', 'stream.flags', 'gone', NULL,
     $$(t.entity_type = 'message' AND t.entity_id IN (SELECT pg_temp.messages_by($1)))
       OR (t.entity_type = 'activity' AND t.entity_id IN (SELECT pg_temp.activities_by($1)))
       OR (t.entity_type = 'comment' AND (t.entity_id IN (SELECT pg_temp.comments_by($1))
           OR t.entity_id IN (SELECT pg_temp.comments_on(ARRAY(SELECT pg_temp.activities_by($1))))))$$,
     'so are the flags on messages, activities and comments that are gone');

-- conversations_mode
INSERT INTO rules (governor, modes, relation, effect, columns, rows, rule) VALUES
    ('conversations', '{soft}', 'stream.channels', 'marked', NULL, 't.cid IN (SELECT pg_temp.conversations($1))',
     'the user''s conversations are marked, and nothing in them'),

    ('conversations', '{hard}', 'stream.channels', 'gone', NULL, 't.cid IN (SELECT pg_temp.conversations($1))',
     'the user''s conversations are gone'),
    ('conversations', '{hard}', 'stream.messages', 'gone', NULL, 't.cid IN (SELECT pg_temp.conversations($1))',
     'with all messages in them, the other member''s too'),
    ('conversations', '{hard}', 'stream.reactions', 'gone', NULL, 't.cid IN (SELECT pg_temp.conversations($1))',
     'with the reactions on these'),
    ('conversations', '{hard}', 'stream.flags', 'gone', NULL,
     $$t.entity_type = 'message' AND t.entity_id IN (SELECT pg_temp.messages_in_conversations($1))$$,
     'with the flags on these'),
    ('conversations', '{hard}', 'stream.channel_members', 'gone', NULL, 't.cid IN (SELECT pg_temp.conversations($1))',
     'with their memberships'),
    ('conversations', '{hard}', 'stream.reads', 'gone', NULL, 't.cid IN (SELECT pg_temp.conversations($1))',
     'with their reads'),
    ('conversations', '{hard}', 'stream.response_times', 'gone', NULL, 't.cid IN (SELECT pg_temp.conversations($1))',
     'with how fast their members answered'),
    ('conversations', '{hard}', 'stream.channel_mutes', 'gone', NULL, 't.channel_cid IN (SELECT pg_temp.conversations($1))',
     'with the mutes of them'),
    ('conversations', '{hard}', 'stream.bans', 'gone', NULL, 't.channel_cid IN (SELECT pg_temp.conversations($1))',
     'with the bans in them');

-- calls_mode
INSERT INTO rules (governor, modes, relation, effect, columns, rows, rule) VALUES
    ('calls', '{soft}', 'stream.calls', 'marked', NULL, 't.cid IN (SELECT pg_temp.calls_of_two($1))',
     'the user''s calls of two are marked'),
    ('calls', '{soft}', 'stream.call_sessions', 'marked', NULL, 
     $$t.id IN (SELECT pg_temp.sessions_of_two($1)) AND t.call_cid IN (SELECT cid FROM stream.calls WHERE deleted_at IS NULL)$$,
     'with the sessions of those that were not deleted before'),

    ('calls', '{hard}', 'stream.calls', 'gone', NULL, 't.cid IN (SELECT pg_temp.calls_of_two($1))',
     'the user''s calls of two are gone'),
    ('calls', '{hard}', 'stream.call_sessions', 'gone', NULL, 't.id IN (SELECT pg_temp.sessions_of_two($1))',
     'with their sessions'),
    ('calls', '{hard}', 'stream.call_members', 'gone', NULL, 't.call_cid IN (SELECT pg_temp.calls_of_two($1))',
     'with their members'),
    ('calls', '{hard}', 'stream.call_participants', 'gone', NULL, 't.session_id IN (SELECT pg_temp.sessions_of_two($1))',
     'with their participants');

-- The runs: all legal combinations of modes, once for one user, and once for two users who have a
-- conversation and a call with each other, in many small chunks.
SELECT pg_temp.add_runs('{ann}', 2000, 'nora', 'eve', 'ann'), pg_temp.add_runs('{ann,ben}', 3, 'nora', 'eve', 'ann and ben') \g /dev/null

INSERT INTO marking
SELECT r, 'deleted_at', 'deleted_by_task'
  FROM unnest('{channels,messages,feeds,activities,comments,calls,call_sessions}'::text[]) AS t (name), concat('stream.', name) AS r;

\set further 21
\ir lib/law_tests.sql

SELECT is((SELECT count(*) FROM runs WHERE users = '{ann}'), 110::bigint, 'there are 110 legal combinations of modes');

-- Placeholders and new owners
CREATE FUNCTION pg_temp.owner_of(cid text) RETURNS text LANGUAGE sql AS $$
    SELECT created_by_id FROM stream.channels AS c WHERE c.cid = owner_of.cid
    UNION ALL SELECT created_by_id FROM stream.calls AS c WHERE c.cid = owner_of.cid
$$;
SAVEPOINT world;
SELECT stream_delete_users('{ann,ben}', 'hard', 'hard', 'hard', 'hard') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT matches(pg_temp.owner_of('team:trio'), '^delete-user-[0-9a-f]{16}$', 'without a new owner a placeholder gets the channels');
SELECT is(ARRAY[pg_temp.owner_of('team:empty'), pg_temp.owner_of('dm:cat-dan'), pg_temp.owner_of('call:trio')],
          array_fill(pg_temp.owner_of('team:trio'), '{3}'), 'one placeholder gets all channels and calls of a task');
SELECT is((SELECT array_agg(id) FROM stream.users WHERE id LIKE 'delete-user-%'), ARRAY[pg_temp.owner_of('team:trio')],
          'the placeholder is a user');
SELECT is(stream_get_user(pg_temp.owner_of('team:trio')) ->> 'role', 'user', 'the placeholder is found like any other user');
SELECT is(pg_temp.ended(:'task'), 'completed', 'a deletion with a placeholder completes');
ROLLBACK TO world;

SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', new_owner => 'cat') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.owner_of('team:trio'), 'cat', 'channels go to the new owner when only that one is named');
SELECT matches(pg_temp.owner_of('call:trio'), '^delete-user-[0-9a-f]{16}$', 'calls then go to a placeholder');
ROLLBACK TO world;

SELECT stream_delete_users('{eve}', 'hard', 'hard', 'hard', 'hard') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT count(*) FROM stream.users WHERE id LIKE 'delete-user-%'), 0::bigint,
          'no placeholder is made for a user who owned nothing');
ROLLBACK TO world;

SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard', new_owner => 'cat', new_call_owner => 'cat'),
       stream_delete_users('{cat}', 'soft') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT matches(pg_temp.owner_of('team:trio'), '^delete-user-[0-9a-f]{16}$',
               'a new owner who has been deleted since the call gives way to a placeholder');
ROLLBACK TO world;

-- Files
UPDATE stream.messages SET attachments = attachments || '[{"type": "image", "image_url": "http://file/shared"}, {"type": "text"}]'
 WHERE id IN ('tr1', 'tr4');
UPDATE stream.messages SET attachments = '[{"asset_url": "http://file/asset", "thumb_url": "http://file/thumb"}]' WHERE id = 'so1';
UPDATE stream.messages SET attachments = '[]' WHERE id IN ('le1', 'no1', 'ab1', 'ab3', 'ac1', 'ad1', 'tr5', 'tr7');
UPDATE stream.activities SET attachments = '[]' WHERE user_id = 'ann' AND id <> 'p4';
CREATE FUNCTION pg_temp.files_of(task text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT stream_get_task(task::uuid) -> 'result' -> 'files'
$$;
SAVEPOINT files;
SELECT stream_delete_users('{ann}', NULL, 'pruning', NULL, NULL, files => true) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.files_of(:'task'), '["http://file/asset", "http://file/p4", "http://file/thumb", "http://file/tr1"]'::jsonb,
          'pruning lists the files that nothing refers to any more');
ROLLBACK TO files;
SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL, files => true) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.files_of(:'task'), '["http://file/asset", "http://file/p4", "http://file/thumb", "http://file/tr1"]'::jsonb,
          'so does hard');
ROLLBACK TO files;
SELECT stream_delete_users('{ann}', NULL, NULL, 'hard', NULL, files => true) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.files_of(:'task'), '["http://file/ab2", "http://file/ac2", "http://file/ad2", "http://file/az1", "http://file/du1", "http://file/du2"]'::jsonb,
          'with a conversation that goes the other member''s files are listed too');
ROLLBACK TO files;
SELECT stream_delete_users('{ann}', files => true) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.files_of(:'task'), '[]'::jsonb, 'soft frees no file');
ROLLBACK TO files;
SELECT stream_delete_users('{ann}', NULL, 'hard', NULL, NULL) ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.files_of(:'task'), NULL, 'files are listed only when asked for');
ROLLBACK TO world;

-- Stronger deletions of deleted users finish the job.

-- The world after these statements, row by row; everything is taken back.
CREATE FUNCTION pg_temp.world_after(VARIADIC statements text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    statement text;
    world jsonb;
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        EXECUTE statement;
    END LOOP;
    world := (SELECT jsonb_object_agg(relation || ' ' || key, contents) FROM pg_temp.everything());
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN world;
END
$$;
CREATE FUNCTION pg_temp.unlike(a jsonb, b jsonb, aside text[] DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s: %s is not %s', key, x.value, y.value), E'\n' ORDER BY key)
      FROM jsonb_each(a) AS x FULL JOIN jsonb_each(b) AS y USING (key)
     WHERE x.value - aside IS DISTINCT FROM y.value - aside
$$;
\set run 'CALL stream_run_tasks(until_idle => true)'
\set soft 'SELECT stream_delete_users(\'{ann,ben}\')'
\set pruning 'SELECT stream_delete_users(\'{ann,ben}\', \'pruning\', \'pruning\')'
\set hard 'SELECT stream_delete_users(\'{ann,ben}\', \'hard\', \'hard\', \'hard\', \'hard\', \'nora\', \'eve\')'
CREATE TEMPORARY TABLE ends AS
SELECT pg_temp.world_after(:'hard', :'run') AS hard, pg_temp.world_after(:'pruning', :'run') AS pruning;
SELECT is(pg_temp.unlike(pg_temp.world_after(:'soft', :'run', :'hard', :'run'), hard), NULL,
          'hard after soft ends as hard alone does') FROM ends;
SELECT is(pg_temp.unlike(pg_temp.world_after(:'soft', :'run', :'pruning', :'run', :'hard', :'run'), hard), NULL,
          'hard after pruning after soft does too') FROM ends;
SELECT is(pg_temp.unlike(pg_temp.world_after(:'soft', :'pruning', :'hard', :'run'), hard), NULL,
          'so do all three when none had begun before the last was asked for') FROM ends;
SELECT is(pg_temp.unlike(pg_temp.world_after(:'soft', :'run', :'pruning', :'run'), pruning,
                         '{deleted_at,deleted_by_task,updated_at}'), NULL,
          'pruning after soft ends as pruning alone does, but for who marked the rows and when') FROM ends;
SELECT is(pg_temp.unlike(
              pg_temp.world_after('SELECT stream_delete_users(''{ann}'', ''hard'', ''hard'', ''hard'', ''hard'', ''nora'', ''eve'')',
                                  'SELECT stream_delete_users(''{dan}'', ''hard'', ''hard'', ''hard'', ''hard'', ''nora'', ''eve'')', :'run'),
              pg_temp.world_after('SELECT stream_delete_users(''{ann,dan}'', ''hard'', ''hard'', ''hard'', ''hard'', ''nora'', ''eve'')', :'run')),
          NULL, 'two deletions of one user each end as one of both does');

-- An erased id is free again.
SELECT stream_delete_users('{ann}', 'hard', 'hard', 'hard', 'hard') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is(stream_upsert_users('{"id": "ann"}', false) -> 'created', '1', 'an erased id can be created anew');

SELECT * FROM finish();
ROLLBACK;
