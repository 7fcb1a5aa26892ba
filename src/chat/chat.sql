CREATE TABLE stream.channels (
    cid text COLLATE "C" NOT NULL PRIMARY KEY,
    type text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    created_by_id text COLLATE "C",
    team text COLLATE "C",
    custom jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    deleted_by_task uuid
);
CREATE INDEX channels_owner ON stream.channels (created_by_id, cid);
CREATE INDEX channels_team ON stream.channels (team, cid) WHERE team IS NOT NULL;
CREATE INDEX channels_task ON stream.channels (deleted_by_task, cid) WHERE deleted_by_task IS NOT NULL;
CREATE TRIGGER fill_key BEFORE INSERT ON stream.channels FOR EACH ROW
    WHEN (NEW.cid IS NULL OR NEW.type IS NULL OR NEW.id IS NULL)
    EXECUTE FUNCTION stream.fill_composite_key('cid', 'type', 'id');

CREATE TABLE stream.channel_members (
    cid text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    channel_role text NOT NULL DEFAULT 'channel_member',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (cid, user_id)
);
CREATE INDEX channel_members_user ON stream.channel_members (user_id, cid);

CREATE TABLE stream.messages (
    cid text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL DEFAULT gen_random_uuid(),
    user_id text COLLATE "C",
    text text,
    attachments jsonb NOT NULL DEFAULT '[]',
    mentioned_user_ids text[] COLLATE "C" NOT NULL DEFAULT '{}',
    parent_id text COLLATE "C",
    quoted_message_id text COLLATE "C",
    pinned_by_id text COLLATE "C",
    custom jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    deleted_by_task uuid,
    PRIMARY KEY (cid, id)
) WITH (fillfactor = 90);
CREATE INDEX messages_user ON stream.messages (user_id, cid, id);
CREATE INDEX messages_created ON stream.messages (cid, created_at);
CREATE INDEX messages_parent ON stream.messages (cid, parent_id, user_id) WHERE parent_id IS NOT NULL;
CREATE INDEX messages_quoted ON stream.messages (cid, quoted_message_id) WHERE quoted_message_id IS NOT NULL;
CREATE INDEX messages_pinned_by ON stream.messages (pinned_by_id, cid, id) WHERE pinned_by_id IS NOT NULL;
CREATE INDEX messages_mentioned ON stream.messages USING gin (mentioned_user_ids) WHERE mentioned_user_ids <> '{}';
CREATE INDEX messages_id ON stream.messages (id);

CREATE TABLE stream.reactions (
    cid text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    score integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cid, message_id, user_id, type)
);
CREATE INDEX reactions_user ON stream.reactions (user_id, cid, message_id, type);

CREATE TABLE stream.reads (
    cid text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    last_read timestamptz NOT NULL DEFAULT now(),
    unread_messages integer,
    PRIMARY KEY (cid, user_id)
);
CREATE INDEX reads_user ON stream.reads (user_id, cid);

CREATE TABLE stream.flags (
    id text COLLATE "C" NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    entity_type text COLLATE "C" NOT NULL CHECK (entity_type IN ('message', 'user', 'activity', 'comment')),
    entity_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    reason text,
    custom jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX flags_entity ON stream.flags (entity_id, entity_type);
CREATE INDEX flags_user ON stream.flags (user_id, id);

CREATE TRIGGER guard_author AFTER INSERT ON stream.channels REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('created_by_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.channel_members REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.messages REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.reactions REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.reads REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.flags REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');

INSERT INTO stream.binding_marks (relation, mark_column, task_column, task_indexed) VALUES
    ('stream.channels', 'deleted_at', 'deleted_by_task', true),
    ('stream.messages', 'deleted_at', 'deleted_by_task', false);

INSERT INTO stream.bindings (relation, user_column, kind, governed_by, attachments_column, prune) VALUES
    ('stream.messages', 'user_id', 'author', 'messages', 'attachments',
     '{"text": null, "attachments": "[]", "mentioned_user_ids": "{}", "custom": "{}"}');
INSERT INTO stream.bindings (relation, user_column, kind, governed_by) VALUES
    ('stream.messages', 'pinned_by_id', 'pointer', 'user'),
    ('stream.messages', 'mentioned_user_ids', 'pointer', 'user'),
    ('stream.channels', 'created_by_id', 'owner', 'conversations'),
    ('stream.reactions', 'user_id', 'member', 'user'),
    ('stream.reads', 'user_id', 'member', 'user'),
    ('stream.flags', 'user_id', 'member', 'user');
INSERT INTO stream.bindings (relation, user_column, kind, governed_by, match_column, match_value, exported) VALUES
    ('stream.flags', 'entity_id', 'member', 'user', 'entity_type', 'user', false);
INSERT INTO stream.bindings (relation, user_column, kind, governed_by, container, container_column,
                             member_ended_column, container_governed_by) VALUES
    ('stream.channel_members', 'user_id', 'member', 'user', 'stream.channels', 'cid', 'deleted_at', 'conversations');

INSERT INTO stream.binding_children (parent, parent_columns, child, child_columns, on_erase, on_prune) VALUES
    ('stream.messages', '{cid,id}', 'stream.reactions', '{cid,message_id}', 'delete', true),
    ('stream.messages', '{cid,id}', 'stream.messages', '{cid,parent_id}', 'clear', false),
    ('stream.messages', '{cid,id}', 'stream.messages', '{cid,quoted_message_id}', 'clear', false),
    ('stream.channels', '{cid}', 'stream.messages', '{cid}', 'delete', false),
    ('stream.channels', '{cid}', 'stream.channel_members', '{cid}', 'delete', false),
    ('stream.channels', '{cid}', 'stream.reads', '{cid}', 'delete', false);
INSERT INTO stream.binding_children (parent, parent_columns, child, child_columns, match_column, match_value, on_erase, on_prune) VALUES
    ('stream.messages', '{id}', 'stream.flags', '{entity_id}', 'entity_type', 'message', 'delete', true);

SELECT pg_catalog.pg_extension_config_dump('stream.channels', '');
SELECT pg_catalog.pg_extension_config_dump('stream.channel_members', '');
SELECT pg_catalog.pg_extension_config_dump('stream.messages', '');
SELECT pg_catalog.pg_extension_config_dump('stream.reactions', '');
SELECT pg_catalog.pg_extension_config_dump('stream.reads', '');
SELECT pg_catalog.pg_extension_config_dump('stream.flags', '');
