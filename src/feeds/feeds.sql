CREATE TABLE stream.feeds (
    fid text COLLATE "C" NOT NULL PRIMARY KEY,
    group_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    created_by_id text COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    deleted_by_task uuid
);
CREATE INDEX feeds_owner ON stream.feeds (created_by_id, fid);
CREATE INDEX feeds_task ON stream.feeds (deleted_by_task, fid) WHERE deleted_by_task IS NOT NULL;
CREATE TRIGGER fill_key BEFORE INSERT ON stream.feeds FOR EACH ROW
    WHEN (NEW.fid IS NULL OR NEW.group_id IS NULL OR NEW.id IS NULL)
    EXECUTE FUNCTION stream.fill_composite_key('fid', 'group_id', 'id');

CREATE TABLE stream.activities (
    id text COLLATE "C" NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    fid text COLLATE "C",
    user_id text COLLATE "C",
    type text,
    text text,
    attachments jsonb NOT NULL DEFAULT '[]',
    mentioned_user_ids text[] COLLATE "C" NOT NULL DEFAULT '{}',
    custom jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    deleted_by_task uuid
);
CREATE INDEX activities_user ON stream.activities (user_id, id);
CREATE INDEX activities_feed ON stream.activities (fid, id);
CREATE INDEX activities_task ON stream.activities (deleted_by_task, id) WHERE deleted_by_task IS NOT NULL;
CREATE INDEX activities_mentioned ON stream.activities USING gin (mentioned_user_ids) WHERE mentioned_user_ids <> '{}';

CREATE TABLE stream.comments (
    id text COLLATE "C" NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    activity_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    text text,
    parent_id text COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    deleted_by_task uuid
) WITH (fillfactor = 90);
CREATE INDEX comments_user ON stream.comments (user_id, id);
CREATE INDEX comments_activity ON stream.comments (activity_id, id);
CREATE INDEX comments_parent ON stream.comments (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE stream.feed_reactions (
    activity_id text COLLATE "C" NOT NULL,
    comment_id text COLLATE "C" NOT NULL DEFAULT '',
    user_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (activity_id, comment_id, user_id, type)
);
CREATE INDEX feed_reactions_user ON stream.feed_reactions (user_id, activity_id, comment_id, type);
CREATE INDEX feed_reactions_comment ON stream.feed_reactions (comment_id) WHERE comment_id <> '';

CREATE TABLE stream.follows (
    source_fid text COLLATE "C" NOT NULL,
    target_fid text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source_fid, target_fid)
);
CREATE INDEX follows_target ON stream.follows (target_fid, source_fid);

CREATE TABLE stream.bookmarks (
    user_id text COLLATE "C" NOT NULL,
    activity_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, activity_id)
);
CREATE INDEX bookmarks_activity ON stream.bookmarks (activity_id);

CREATE TRIGGER guard_author AFTER INSERT ON stream.feeds REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('created_by_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.activities REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.comments REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.feed_reactions REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.bookmarks REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');

INSERT INTO stream.binding_marks (relation, mark_column, task_column, task_indexed) VALUES
    ('stream.feeds', 'deleted_at', 'deleted_by_task', true),
    ('stream.activities', 'deleted_at', 'deleted_by_task', true),
    ('stream.comments', 'deleted_at', 'deleted_by_task', false);

INSERT INTO stream.bindings (relation, user_column, kind, governed_by, attachments_column, prune) VALUES
    ('stream.activities', 'user_id', 'author', 'messages', 'attachments',
     '{"text": null, "attachments": "[]", "mentioned_user_ids": "{}", "custom": "{}"}'),
    ('stream.comments', 'user_id', 'author', 'messages', NULL, '{"text": null}');
INSERT INTO stream.bindings (relation, user_column, kind, governed_by) VALUES
    ('stream.activities', 'mentioned_user_ids', 'pointer', 'user'),
    ('stream.feed_reactions', 'user_id', 'member', 'messages'),
    ('stream.feeds', 'created_by_id', 'personal', 'user'),
    ('stream.bookmarks', 'user_id', 'personal', 'user');

INSERT INTO stream.binding_children (parent, parent_columns, child, child_columns, on_erase, on_prune) VALUES
    ('stream.feeds', '{fid}', 'stream.activities', '{fid}', 'delete', false),
    ('stream.feeds', '{fid}', 'stream.follows', '{source_fid}', 'delete', false),
    ('stream.feeds', '{fid}', 'stream.follows', '{target_fid}', 'delete', false),
    ('stream.activities', '{id}', 'stream.comments', '{activity_id}', 'delete', false),
    ('stream.activities', '{id}', 'stream.bookmarks', '{activity_id}', 'delete', false),
    ('stream.comments', '{id}', 'stream.feed_reactions', '{comment_id}', 'delete', true),
    ('stream.comments', '{id}', 'stream.comments', '{parent_id}', 'clear', false);
INSERT INTO stream.binding_children (parent, parent_columns, child, child_columns, match_column, match_value, on_erase, on_prune) VALUES
    ('stream.activities', '{id}', 'stream.feed_reactions', '{activity_id}', 'comment_id', '', 'delete', true),
    ('stream.activities', '{id}', 'stream.flags', '{entity_id}', 'entity_type', 'activity', 'delete', true),
    ('stream.comments', '{id}', 'stream.flags', '{entity_id}', 'entity_type', 'comment', 'delete', true);

SELECT pg_catalog.pg_extension_config_dump('stream.feeds', '');
SELECT pg_catalog.pg_extension_config_dump('stream.activities', '');
SELECT pg_catalog.pg_extension_config_dump('stream.comments', '');
SELECT pg_catalog.pg_extension_config_dump('stream.feed_reactions', '');
SELECT pg_catalog.pg_extension_config_dump('stream.follows', '');
SELECT pg_catalog.pg_extension_config_dump('stream.bookmarks', '');
