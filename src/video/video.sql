CREATE TABLE stream.calls (
    cid text COLLATE "C" NOT NULL PRIMARY KEY,
    type text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    created_by_id text COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    deleted_at timestamptz,
    deleted_by_task uuid
);
CREATE INDEX calls_owner ON stream.calls (created_by_id, cid);
CREATE INDEX calls_task ON stream.calls (deleted_by_task, cid) WHERE deleted_by_task IS NOT NULL;
CREATE TRIGGER fill_key BEFORE INSERT ON stream.calls FOR EACH ROW
    WHEN (NEW.cid IS NULL OR NEW.type IS NULL OR NEW.id IS NULL)
    EXECUTE FUNCTION stream.fill_composite_key('cid', 'type', 'id');

CREATE TABLE stream.call_members (
    call_cid text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (call_cid, user_id)
);
CREATE INDEX call_members_user ON stream.call_members (user_id, call_cid);

CREATE TABLE stream.call_sessions (
    id text COLLATE "C" NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    call_cid text COLLATE "C" NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    deleted_at timestamptz,
    deleted_by_task uuid
);
CREATE INDEX call_sessions_call ON stream.call_sessions (call_cid, id);
CREATE INDEX call_sessions_task ON stream.call_sessions (deleted_by_task, id) WHERE deleted_by_task IS NOT NULL;

CREATE TABLE stream.call_participants (
    session_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz,
    PRIMARY KEY (session_id, user_id)
);
CREATE INDEX call_participants_user ON stream.call_participants (user_id, session_id);

CREATE TRIGGER guard_author AFTER INSERT ON stream.calls REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('created_by_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.call_members REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.call_participants REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');

INSERT INTO stream.binding_marks (relation, mark_column, task_column, task_indexed) VALUES
    ('stream.calls', 'deleted_at', 'deleted_by_task', true),
    ('stream.call_sessions', 'deleted_at', 'deleted_by_task', true);

INSERT INTO stream.bindings (relation, user_column, kind, governed_by) VALUES
    ('stream.calls', 'created_by_id', 'owner', 'calls'),
    ('stream.call_participants', 'user_id', 'member', 'user');
INSERT INTO stream.bindings (relation, user_column, kind, governed_by, container, container_column, container_governed_by) VALUES
    ('stream.call_members', 'user_id', 'member', 'user', 'stream.calls', 'call_cid', 'calls');

INSERT INTO stream.binding_children (parent, parent_columns, child, child_columns, on_erase, on_mark) VALUES
    ('stream.calls', '{cid}', 'stream.call_sessions', '{call_cid}', 'delete', true),
    ('stream.calls', '{cid}', 'stream.call_members', '{call_cid}', 'delete', false),
    ('stream.call_sessions', '{id}', 'stream.call_participants', '{session_id}', 'delete', false);

SELECT pg_catalog.pg_extension_config_dump('stream.calls', '');
SELECT pg_catalog.pg_extension_config_dump('stream.call_members', '');
SELECT pg_catalog.pg_extension_config_dump('stream.call_sessions', '');
SELECT pg_catalog.pg_extension_config_dump('stream.call_participants', '');
