-- The recipes of docs/access.md, used by a plain role in every state a user can be in: whoever may not
-- connect can neither read nor write through them.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;

SELECT plan(101);

-- The recipes, as they stand there.
CREATE ROLE app_user;
CREATE SCHEMA app;
CREATE TABLE app.notes (id integer PRIMARY KEY, author_id text NOT NULL, text text);

CREATE FUNCTION app.me() RETURNS text LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT current_setting('app.user_id')
    WHERE stream_authorize(current_setting('app.user_id'),
                           nullif(current_setting('app.token_issued_at', true), '')::timestamptz);
END;
GRANT EXECUTE ON FUNCTION stream_authorize(text, timestamptz) TO app_user;

ALTER TABLE app.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_notes ON app.notes TO app_user
    USING (author_id = (SELECT app.me())) WITH CHECK (author_id = (SELECT app.me()));
GRANT USAGE ON SCHEMA app TO app_user;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.notes TO app_user;

ALTER TABLE stream.channel_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_memberships ON stream.channel_members FOR SELECT TO app_user
    USING (user_id = (SELECT app.me()));

ALTER TABLE stream.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_as_member ON stream.messages FOR SELECT TO app_user
    USING (deleted_at IS NULL
           AND cid IN (SELECT m.cid FROM stream.channel_members m
                       WHERE m.user_id = (SELECT app.me()) AND m.deleted_at IS NULL));
CREATE POLICY write_as_member ON stream.messages FOR INSERT TO app_user
    WITH CHECK (user_id = (SELECT app.me())
                AND cid IN (SELECT m.cid FROM stream.channel_members m
                            WHERE m.user_id = (SELECT app.me()) AND m.deleted_at IS NULL));
CREATE POLICY change_own ON stream.messages FOR UPDATE TO app_user
    USING (user_id = (SELECT app.me())) WITH CHECK (user_id = (SELECT app.me()));
GRANT USAGE ON SCHEMA stream TO app_user;
GRANT SELECT ON stream.channel_members TO app_user;
GRANT SELECT, INSERT, UPDATE (text, attachments, custom) ON stream.messages TO app_user;

-- Users, each with notes and in two channels; other is in one of them.
CREATE TABLE app.users (id text, state text, token text, code text);
INSERT INTO app.users VALUES
    ('fine', 'fine', '', NULL),
    ('fine', 'fine, with a token', '2026-01-01', NULL),
    ('shadow', 'shadow-banned', '', NULL),
    ('over', 'banned once', '', NULL),
    ('back', 'reactivated', '', NULL),
    ('renewed', 'revoked, with a new token', '2026-01-02', NULL),
    ('nobody', 'unknown', '', 'ST016'),
    ('soft', 'soft-deleted', '', 'ST017'),
    ('pruned', 'pruned', '', 'ST017'),
    ('going', 'being hard-deleted', '', 'ST017'),
    ('idle', 'deactivated', '', 'ST017'),
    ('banned', 'banned', '', 'ST017'),
    ('renewed', 'revoked, with an old token', '2025-12-31', 'ST040'),
    ('renewed', 'revoked, with a token of unknown age', '', 'ST040');
SELECT stream_upsert_users(jsonb_agg(DISTINCT jsonb_build_object('id', id)), false) IS NOT NULL AS made
FROM (SELECT id FROM app.users WHERE id <> 'nobody' UNION SELECT 'other') AS u \gset
INSERT INTO app.notes SELECT row_number() OVER (), id, 'mine' FROM (SELECT DISTINCT id FROM app.users UNION SELECT 'other') AS u;
INSERT INTO stream.channels (cid) VALUES ('team:all'), ('team:none');
INSERT INTO stream.channel_members (cid, user_id) SELECT DISTINCT 'team:all', id FROM app.users;
INSERT INTO stream.channel_members (cid, user_id) VALUES ('team:all', 'other'), ('team:none', 'other');
INSERT INTO stream.messages (cid, id, user_id, text) VALUES ('team:all', 'm1', 'other', 'hello'), ('team:none', 'm2', 'other', 'psst');
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT DISTINCT 'team:all', 'own-' || id, id, 'mine' FROM app.users;
SELECT stream_deactivate_user('back') IS NOT NULL AND stream_reactivate_user('back') IS NOT NULL
   AND stream_deactivate_user('idle') IS NOT NULL
   AND stream_delete_users('{soft}', 'soft', NULL, NULL, NULL) IS NOT NULL
   AND stream_delete_users('{pruned}', 'pruning', NULL, NULL, NULL) IS NOT NULL
   AND stream_revoke_tokens('{renewed}', '2026-01-01') IS NOT NULL AS done \gset
DO $$ BEGIN CALL stream_run_tasks(until_idle => true); END $$;
SELECT stream_delete_users('{going}', 'hard', 'hard', 'hard') IS NOT NULL AS done \gset
INSERT INTO stream.bans (target_user_id, shadow, expires)
VALUES ('banned', false, NULL), ('shadow', true, NULL), ('over', false, now() - interval '1 second');

-- What a statement does for a user: the rows it gives or changes, or the SQLSTATE of its refusal. It
-- is undone in either case.
CREATE FUNCTION app.outcome(u app.users, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM set_config('app.user_id', u.id, true), set_config('app.token_issued_at', u.token, true);
    SET LOCAL ROLE app_user;
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RAISE EXCEPTION USING errcode = 'XX999', message = n;
EXCEPTION WHEN OTHERS THEN
    RETURN CASE SQLSTATE WHEN 'XX999' THEN SQLERRM ELSE SQLSTATE END;
END
$$;

CREATE TABLE app.statements (name text, statement text, rows text);
INSERT INTO app.statements VALUES
    ('read notes', 'SELECT FROM app.notes', '1'),
    ('write a note', $$INSERT INTO app.notes VALUES (1000, current_setting('app.user_id'), 'new')$$, '1'),
    ('change notes', $$UPDATE app.notes SET text = 'changed'$$, '1'),
    ('delete notes', 'DELETE FROM app.notes', '1'),
    ('read messages', $$SELECT FROM stream.messages WHERE id IN ('m1', 'm2')$$, '1'),
    ('write a message', $$INSERT INTO stream.messages (cid, id, user_id, text) VALUES ('team:all', 'new', current_setting('app.user_id'), 'hi')$$, '1'),
    ('change messages', $$UPDATE stream.messages SET text = 'changed'$$, '1');

SELECT is(app.outcome(u, s.statement), coalesce(u.code, s.rows),
          format('a user %s %s %s', u.state, CASE WHEN u.code IS NULL THEN 'can' ELSE 'can''t' END, s.name))
FROM app.users AS u, app.statements AS s;

-- Nobody acts for another.
SELECT is(app.outcome(('fine', '', '', NULL), $$INSERT INTO app.notes VALUES (1000, 'other', 'forged')$$), '42501', 'nobody can write another''s note');
SELECT is(app.outcome(('fine', '', '', NULL), $$INSERT INTO stream.messages (cid, id, user_id, text) VALUES ('team:none', 'new', 'fine', 'hi')$$), '42501',
          'nobody can write into a channel of which he is no member');
SELECT is(app.outcome(('', '', '', NULL), 'SELECT FROM app.notes'), 'ST016', 'without a user there is nothing to see');

SELECT * FROM finish();
ROLLBACK;
