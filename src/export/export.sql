-- What stream_export_users has collected: one row a row, as the table had it when it was read. The
-- rows go with their task, and with their user.
CREATE TABLE stream.export_rows (
    task_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    relation text COLLATE "C" NOT NULL,
    key text[] COLLATE "C" NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (task_id, user_id, relation, key)
);
CREATE INDEX export_rows_user ON stream.export_rows (user_id, task_id, relation, key);

INSERT INTO stream.bindings (relation, user_column, kind, governed_by, on_pruning, exported) VALUES
    ('stream.export_rows', 'user_id', 'personal', 'user', 'delete', false);

SELECT pg_catalog.pg_extension_config_dump('stream.export_rows', '');

CREATE FUNCTION stream_export_user(id text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_export_user';
CREATE FUNCTION stream_export_user_rows(id text) RETURNS TABLE (relation text, content jsonb)
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_export_user_rows';
CREATE FUNCTION stream_export_users(ids text[]) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_export_users';
CREATE FUNCTION stream_get_export(task_id uuid, user_id text DEFAULT NULL)
    RETURNS TABLE (owner_id text, relation text, content jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT e.user_id, e.relation, e.content
        FROM stream.export_rows e
        WHERE e.task_id = stream_get_export.task_id
          AND (stream_get_export.user_id IS NULL OR e.user_id = stream_get_export.user_id)
        ORDER BY e.user_id, e.relation, e.key;
    END;

REVOKE ALL ON FUNCTION stream_export_user, stream_export_user_rows, stream_export_users, stream_get_export FROM PUBLIC;

COMMENT ON FUNCTION stream_export_user(text) IS
'All that bound tables hold of a user, deleted rows too: what the user wrote, owns and takes part in, and what is about
the user alone; not what others'' rows say of the user. All of it is as it was when the statement began. One value
holds up to 256 MB: for users with more use stream_export_user_rows.
id: the user, who may be deactivated or deleted; an unknown one is an error (ST016).
Returns {user, duration, and for each table an array of its rows}: the extension''s tables by their names (messages),
the application''s with their schemas (app.posts).';

COMMENT ON FUNCTION stream_export_user_rows(text) IS
'The same row by row, the user object first, then table by table in the order of their keys. However many the rows are,
it keeps no more than a batch of them in memory; what goes beyond work_mem waits on disk.
id: the user, who may be deactivated or deleted; an unknown one is an error (ST016).
relation: the table; stream.users for the user object.
content: the row.';

COMMENT ON FUNCTION stream_export_users(text[]) IS
'Collects the same of many users by a task, chunk by chunk; stream_get_export reads it. It is removed with the task
(stream_users.keep_tasks), and when the user is pruned or hard-deleted.
ids: the users; an unknown one is an error (ST016).
Returns {task_id, duration}.';

COMMENT ON FUNCTION stream_get_export(uuid, text) IS
'What stream_export_users has collected, a row a row, ordered by user and table; the user object stands under stream.users.
task_id: the task.
user_id: only what is of this user; null: of all.
owner_id: whose row it is.
relation: the table it was read from.
content: the row.';

COMMENT ON TABLE stream.export_rows IS 'What stream_export_users has collected; read it with stream_get_export';
COMMENT ON COLUMN stream.export_rows.task_id IS 'The task that collected it';
COMMENT ON COLUMN stream.export_rows.user_id IS 'Whose row it is';
COMMENT ON COLUMN stream.export_rows.relation IS 'The table it was read from';
COMMENT ON COLUMN stream.export_rows.key IS 'The row''s primary key, as text';
COMMENT ON COLUMN stream.export_rows.content IS 'The row; of stream.users the user object';
COMMENT ON INDEX stream.export_rows_user IS 'Finds what goes with its user';
