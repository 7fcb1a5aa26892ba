-- What an application has put on one of the extension's own tables holds for what a task writes
-- there, as it does for a statement.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;

SELECT plan(29);

SELECT stream_upsert_users('[{"id": "ann"}, {"id": "ben"}]', false) \g /dev/null
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:1', 'm' || i, (ARRAY['ann', 'ben'])[1 + i % 2], 'text ' || i FROM generate_series(1, 40) AS i;
CREATE SCHEMA extras;
CREATE TABLE extras.seen (what text);

-- Deletes ann's messages; how that ended.
CREATE FUNCTION extras.delete_messages(mode text) RETURNS text LANGUAGE plpgsql SET client_min_messages = error AS $$
DECLARE
    task uuid := stream_delete_users('{ann}', NULL, mode, NULL, NULL) ->> 'task_id';
BEGIN
    CALL stream_run_tasks(until_idle => true);
    RETURN (SELECT concat_ws(': ', status, error ->> 'description') FROM stream.tasks WHERE id = task);
END
$$;
CREATE FUNCTION extras.marked() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(user_id || ' ' || n, ', ') FROM (SELECT user_id, count(*) AS n FROM stream.messages WHERE deleted_at IS NOT NULL GROUP BY user_id) AS m
$$;

SAVEPOINT bare;
SELECT is(extras.delete_messages('soft'), 'completed', 'With nothing on the table');
SELECT is(extras.marked(), 'ann 20', 'its rows are marked');
SELECT results_eq('SELECT DISTINCT deleted_by_task FROM stream.messages WHERE user_id = ''ann''', 'SELECT id FROM stream.tasks', 'by the task');
ROLLBACK TO bare;

CREATE INDEX left_there ON stream.messages (id) WHERE deleted_at IS NULL;
CREATE INDEX by_time ON stream.messages (deleted_at, id);
SELECT is(extras.delete_messages('soft'), 'completed', 'Indexes on marks');
SELECT lives_ok($$SELECT public.bt_index_check('stream.left_there', true), public.bt_index_check('stream.by_time', true)$$, 'know of them');
SET LOCAL enable_seqscan = off;
SELECT is((SELECT count(*) FROM stream.messages WHERE deleted_at IS NULL), 20::bigint, 'and lead to the rows that are left');
ROLLBACK TO bare;

CREATE INDEX by_block ON stream.messages USING brin (deleted_at);
SELECT is(extras.delete_messages('soft'), 'completed', 'An index by block');
SET LOCAL enable_seqscan = off;
SELECT is((SELECT count(*) FROM stream.messages WHERE deleted_at >= now() - interval '1 hour'), 20::bigint, 'leads to the marked rows');
ROLLBACK TO bare;

ALTER TABLE stream.messages ADD COLUMN is_deleted boolean GENERATED ALWAYS AS (deleted_at IS NOT NULL) STORED;
SELECT is(extras.delete_messages('soft'), 'completed', 'A generated column');
SELECT is((SELECT count(*) FROM stream.messages WHERE is_deleted AND user_id = 'ann'), 20::bigint, 'is computed anew');
ROLLBACK TO bare;

ALTER TABLE stream.messages ADD CONSTRAINT kept CHECK (id <> 'm20' OR deleted_at IS NULL);
SELECT is(extras.delete_messages('soft'), 'failed: new row for relation "messages" violates check constraint "kept"', 'A constraint');
SELECT is(extras.marked(), NULL, 'is kept');
ROLLBACK TO bare;

CREATE FUNCTION extras.before() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.text := 'gone'; RETURN NEW; END $$;
CREATE TRIGGER before BEFORE UPDATE OF deleted_at ON stream.messages FOR EACH ROW EXECUTE FUNCTION extras.before();
SELECT is(extras.delete_messages('soft'), 'completed', 'A trigger that changes rows');
SELECT is((SELECT count(*) FROM stream.messages WHERE text = 'gone'), 20::bigint, 'changes them');
ROLLBACK TO bare;

CREATE FUNCTION extras.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO extras.seen SELECT TG_OP || ' ' || count(*) FROM rows;
    RETURN NULL;
END
$$;
CREATE TRIGGER updated AFTER UPDATE ON stream.messages REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION extras.note();
CREATE TRIGGER deleted AFTER DELETE ON stream.messages REFERENCING OLD TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION extras.note();
SAVEPOINT noted;
SELECT is(extras.delete_messages('soft'), 'completed', 'A trigger that is told of all updated rows');
SELECT bag_has('TABLE extras.seen', $$VALUES ('UPDATE 20')$$, 'is told');
ROLLBACK TO noted;
SELECT is(extras.delete_messages('hard'), 'completed', 'A trigger that is told of all deleted rows');
SELECT bag_has('TABLE extras.seen', $$VALUES ('DELETE 20')$$, 'is told');
ROLLBACK TO bare;

CREATE RULE noted AS ON UPDATE TO stream.messages WHERE NEW.deleted_at IS NOT NULL DO ALSO INSERT INTO extras.seen VALUES (NEW.id);
SELECT is(extras.delete_messages('soft'), 'completed', 'A rule');
SELECT is((SELECT count(DISTINCT what) FROM extras.seen), 20::bigint, 'is followed');
ROLLBACK TO bare;

CREATE TABLE extras.links (cid text, message text, FOREIGN KEY (cid, message) REFERENCES stream.messages (cid, id));
INSERT INTO extras.links VALUES ('team:1', 'm2');
SAVEPOINT linked;
SELECT is(extras.delete_messages('soft'), 'completed', 'A row that a foreign key points at can be marked');
SELECT is(extras.marked(), 'ann 20', 'as others can');
ROLLBACK TO linked;
SELECT matches(extras.delete_messages('hard'), '^failed: .*violates foreign key constraint', 'but not be deleted');
ROLLBACK TO bare;

CREATE TABLE extras.tasks (id uuid PRIMARY KEY);
ALTER TABLE stream.messages ADD FOREIGN KEY (deleted_by_task) REFERENCES extras.tasks;
SELECT matches(extras.delete_messages('soft'), '^failed: .*violates foreign key constraint', 'A foreign key of the mark');
SELECT is(extras.marked(), NULL, 'is kept');
ROLLBACK TO bare;

CREATE TABLE extras.archive () INHERITS (stream.messages);
INSERT INTO extras.archive (cid, id, user_id) VALUES ('team:1', 'a1', 'ann'), ('team:1', 'a2', 'ben');
SELECT is(extras.delete_messages('soft'), 'completed', 'A table that inherits');
SELECT is(extras.marked(), 'ann 21', 'has its rows marked, too');
ROLLBACK TO bare;

ALTER TABLE stream.messages REPLICA IDENTITY NOTHING;
SET LOCAL client_min_messages = error; -- says that this server replicates nothing
CREATE PUBLICATION extras_messages FOR TABLE stream.messages;
SELECT matches(extras.delete_messages('soft'), '^failed: cannot update table "messages" because it does not have a replica identity',
               'A publication that could not say which row is meant keeps it from being marked');
SELECT matches(extras.delete_messages('hard'), '^failed: cannot delete from table "messages" because it does not have a replica identity',
               'and from being deleted');

SELECT * FROM finish();
ROLLBACK;
