-- What the modes of a deletion do to every row of an application's own tables, whose users' ids are of the
-- type :id_type. To be included by \ir. The rules below are the whole law, as in 31_delete_modes.sql.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir bound_world.sql
\ir law.sql

-- What belongs to whom, as the rules speak of it; ids are compared as text throughout.
CREATE FUNCTION pg_temp.posts_by(users text[]) RETURNS SETOF bigint LANGUAGE sql AS $$
    SELECT id FROM app.posts WHERE author::text = ANY (users)
$$;
CREATE FUNCTION pg_temp.comments_by(users text[]) RETURNS SETOF bigint LANGUAGE sql AS $$
    SELECT id FROM app.comments WHERE author::text = ANY (users)
$$;
CREATE FUNCTION pg_temp.comments_on_posts_by(users text[]) RETURNS SETOF bigint LANGUAGE sql AS $$
    SELECT id FROM app.comments WHERE post_id IN (SELECT pg_temp.posts_by(users))
$$;

-- user_mode
INSERT INTO rules (governor, modes, relation, effect, columns, rows, rule) VALUES
    ('user', '{soft}', 'app.accounts', 'marked', NULL, 't.id::text = ANY ($1)',
     'a soft-deleted user''s account is marked'),
    ('user', '{pruning}', 'app.accounts', 'emptied', '{"email": null, "phone": ""}', 't.id::text = ANY ($1)',
     'a pruned user''s account is marked and emptied'),
    ('user', '{hard}', 'app.accounts', 'gone', NULL, 't.id::text = ANY ($1)', 'a hard-deleted user''s account is gone'),
    ('user', '{soft,pruning,hard}', 'app.sessions', 'gone', NULL, 't.account::text = ANY ($1)',
     'the sessions of a deleted user are gone, however it was deleted'),
    ('user', '{soft,pruning}', 'app.letters', 'marked', NULL, 't.recipient::text = ANY ($1)',
     'letters to a soft-deleted or pruned user are marked'),
    ('user', '{hard}', 'app.letters', 'gone', NULL, 't.recipient::text = ANY ($1)', 'letters to a hard-deleted user are gone'),
    ('user', '{hard}', 'app.likes', 'gone', NULL, 't.member::text = ANY ($1)', 'likes go only with a hard-deleted user'),
    ('user', '{hard}', 'app.events', 'gone', NULL, 't.actor::text = ANY ($1)', 'so do events, from every partition'),
    ('user', '{hard}', 'app.projects', 'transferred', '["owner"]', 't.owner::text = ANY ($1)',
     'projects of a hard-deleted user get the new owner'),
    ('user', '{hard}', 'app.projects', 'left out', '["watchers"]', 't.watchers::text[] && $1',
     'a hard-deleted user watches no project, those who watch with it still do'),
    ('user', '{hard}', 'app.projects', 'cleared', '["reviewer"]', 't.reviewer::text = ANY ($1)',
     'what a hard-deleted user reviewed was reviewed by nobody'),
    ('user', '{hard}', 'app.documents', 'transferred', '["body", "owner", "id"]', 't.body #>> ''{owner,id}'' = ANY ($1)',
     'documents that name a hard-deleted user as their owner get the new one'),
    ('user', '{hard}', 'app.documents', 'left out', '["body", "watchers"]',
     'jsonb_typeof(t.body -> ''watchers'') = ''array'' AND t.body -> ''watchers'' ?| $1',
     'lists in documents lose a hard-deleted user'),
    ('user', '{hard}', 'app.documents', 'left out', '["body", "marks"]', 't.body -> ''marks'' ?| $1',
     'so do objects whose keys are users'),
    ('user', '{hard}', 'app.documents', 'cleared', '["body", "author"]', 't.body ->> ''author'' = ANY ($1)',
     'documents that are kept don''t name their author any more'),
    ('user', '{hard}', 'app.invoices', 'cleared', '["customer"]', 't.customer::text = ANY ($1)',
     'invoices are kept and don''t name their customer any more'),
    ('user', '{hard}', 'app.orders', 'cleared', '["buyer"]', 't.buyer::text = ANY ($1)', 'neither do orders');

-- messages_mode
INSERT INTO rules (governor, modes, relation, effect, columns, rows, rule) VALUES
    ('messages', '{soft}', 'app.posts', 'marked', NULL, 't.author::text = ANY ($1)', 'the user''s posts are marked'),
    ('messages', '{soft}', 'app.comments', 'marked', NULL, 't.author::text = ANY ($1)',
     'the user''s comments are marked, and no other comment on the user''s posts'),
    ('messages', '{soft}', 'app.letters', 'marked', NULL, 't.sender::text = ANY ($1)', 'letters by the user are marked'),
    ('messages', '{soft}', 'app.documents', 'marked', NULL, 't.body ->> ''author'' = ANY ($1)', 'documents by the user are marked'),

    ('messages', '{pruning}', 'app.posts', 'emptied', '{"title": "", "body": null, "tags": []}', 't.author::text = ANY ($1)',
     'the user''s posts are marked and emptied, those deleted before too'),
    ('messages', '{pruning}', 'app.comments', 'emptied', '{"text": null}', 't.author::text = ANY ($1)',
     'the user''s comments are marked and emptied'),
    ('messages', '{pruning}', 'app.likes', 'gone', NULL, 't.comment_id IN (SELECT pg_temp.comments_by($1))',
     'the likes of these comments are gone, the comments on the user''s posts are not'),
    ('messages', '{pruning}', 'app.letters', 'emptied', '{"body": null}', 't.sender::text = ANY ($1)',
     'letters by the user are marked and emptied'),
    ('messages', '{pruning}', 'app.documents', 'emptied', '{"summary": null}', 't.body ->> ''author'' = ANY ($1)',
     'documents by the user are marked and emptied'),
    ('messages', '{pruning}', 'app.notes', 'emptied', '{"text": null}', 't.author::text = ANY ($1)',
     'notes, which can''t be marked, are emptied'),
    ('messages', '{pruning,hard}', 'app.orders', 'emptied', '{"address": ""}', 't.buyer::text = ANY ($1)',
     'orders are emptied, when all else goes too'),

    ('messages', '{hard}', 'app.posts', 'gone', NULL, 't.author::text = ANY ($1)', 'the user''s posts are gone'),
    ('messages', '{hard}', 'app.comments', 'gone', NULL,
     't.author::text = ANY ($1) OR t.post_id IN (SELECT pg_temp.posts_by($1))',
     'the user''s comments are gone, and all comments on the user''s posts'),
    ('messages', '{hard}', 'app.likes', 'gone', NULL,
     $$t.comment_id IN (SELECT pg_temp.comments_by($1)) OR t.comment_id IN (SELECT pg_temp.comments_on_posts_by($1))$$,
     'with the likes of all these comments'),
    ('messages', '{hard}', 'app.letters', 'gone', NULL, 't.sender::text = ANY ($1)', 'letters by the user are gone'),
    ('messages', '{hard}', 'app.notes', 'gone', NULL, 't.author::text = ANY ($1)', 'notes by the user are gone');

INSERT INTO marking VALUES ('app.accounts', 'closed', NULL), ('app.posts', 'removed_at', 'removed_by'),
                           ('app.comments', 'hidden', NULL), ('app.letters', 'deleted_at', 'deleted_by'),
                           ('app.documents', 'trashed_at', NULL);

-- All combinations for one user; those that can matter here for two users in small chunks, and for users
-- whose ids are almost theirs.
SELECT pg_temp.add_runs(ARRAY[pg_temp.id('ann')], 2000, pg_temp.id('nora'), pg_temp.id('nora'), 'ann'),
       pg_temp.add_runs(ARRAY[pg_temp.id('ann'), pg_temp.id('ben')], 3, pg_temp.id('nora'), pg_temp.id('nora'), 'ann and ben'),
       pg_temp.add_runs(ARRAY[pg_temp.id('almost ann')], 2000, pg_temp.id('nora'), pg_temp.id('nora'), 'almost ann') \g /dev/null
DELETE FROM runs
 WHERE users <> ARRAY[pg_temp.id('ann')]
   AND (conversations_mode, calls_mode) IS DISTINCT FROM (CASE user_mode WHEN 'hard' THEN 'hard' END, NULL::text);

\set further 7
\ir law_tests.sql

SELECT is((SELECT count(*) FROM runs WHERE users = ARRAY[pg_temp.id('ann')]), 110::bigint, 'there are 110 legal combinations of modes');

-- Trigger, partitions, policy
SELECT is((SELECT count(DISTINCT tableoid) FROM app.events WHERE actor::text = pg_temp.id('ann')), 2::bigint,
          'what a user did is spread over partitions');
SET LOCAL ROLE app_reader;
SELECT is((SELECT count(*) FROM app.notes), 0::bigint, 'row-level security hides all notes from others');
RESET ROLE;
CREATE FUNCTION pg_temp.audit_of(modes text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    seen text;
BEGIN
    EXECUTE format('SELECT stream_delete_users(ARRAY[pg_temp.id(''ann''), pg_temp.id(''ben'')], %s)', modes);
    CALL stream_run_tasks(until_idle => true);
    seen := (SELECT string_agg(concat_ws(' ', operation, post, by), ', ' ORDER BY post, n) FROM app.audit);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN seen;
END
$$;
SELECT is(pg_temp.audit_of($$'soft'$$),
          'UPDATE 1 app_owner, UPDATE 2 app_owner, UPDATE 4 app_owner, UPDATE 5 app_owner',
          'a trigger runs once for each row that is marked, as the table''s owner');
SELECT is(pg_temp.audit_of($$'hard', 'hard', 'hard'$$),
          'UPDATE 1 app_owner, DELETE 1 app_owner, UPDATE 2 app_owner, DELETE 2 app_owner, UPDATE 3 app_owner, DELETE 3 app_owner, '
          || 'UPDATE 4 app_owner, DELETE 4 app_owner, UPDATE 5 app_owner, DELETE 5 app_owner',
          'rows on whose children others hang are claimed by an update before they go');

-- New owners
SELECT stream_delete_users(ARRAY[pg_temp.id('ann')], 'hard', 'hard', 'hard') ->> 'task_id' AS task \gset
CALL stream_run_tasks(until_idle => true);
SELECT is(pg_temp.ended(:'task'), 'completed', 'without a new owner a hard deletion completes');
SELECT is((SELECT array_agg(DISTINCT owner::text) FROM app.projects WHERE id IN ('p1', 'p2')), '{NULL}',
          'projects are then without an owner, because no placeholder''s id is of their type');
SELECT * FROM finish();
ROLLBACK;
