CREATE TABLE stream.bans (
    target_user_id text COLLATE "C" NOT NULL,
    channel_cid text COLLATE "C" NOT NULL DEFAULT '',
    banned_by_id text COLLATE "C",
    reason text,
    shadow boolean NOT NULL DEFAULT false,
    ip_ban boolean NOT NULL DEFAULT false,
    expires timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (target_user_id, channel_cid)
);
CREATE INDEX bans_channel ON stream.bans (channel_cid) WHERE channel_cid <> '';
CREATE INDEX bans_created_at ON stream.bans (created_at DESC, target_user_id, channel_cid);
CREATE INDEX bans_banned_by ON stream.bans (banned_by_id) WHERE banned_by_id IS NOT NULL;

CREATE TABLE stream.user_mutes (
    user_id text COLLATE "C" NOT NULL,
    target_id text COLLATE "C" NOT NULL,
    expires timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, target_id)
);
CREATE INDEX user_mutes_target ON stream.user_mutes (target_id, user_id);

CREATE TABLE stream.channel_mutes (
    user_id text COLLATE "C" NOT NULL,
    channel_cid text COLLATE "C" NOT NULL,
    expires timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, channel_cid)
);
CREATE INDEX channel_mutes_channel ON stream.channel_mutes (channel_cid, user_id);

CREATE TABLE stream.blocks (
    user_id text COLLATE "C" NOT NULL,
    blocked_user_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, blocked_user_id)
);
CREATE INDEX blocks_blocked ON stream.blocks (blocked_user_id, user_id);

CREATE TRIGGER guard_author AFTER INSERT ON stream.bans REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('banned_by_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.user_mutes REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.channel_mutes REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');
CREATE TRIGGER guard_author AFTER INSERT ON stream.blocks REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION stream.guard_author('user_id');

INSERT INTO stream.bindings (relation, user_column, kind, governed_by) VALUES
    ('stream.bans', 'target_user_id', 'personal', 'user'),
    ('stream.bans', 'banned_by_id', 'pointer', 'user'),
    ('stream.user_mutes', 'user_id', 'personal', 'user'),
    ('stream.channel_mutes', 'user_id', 'personal', 'user'),
    ('stream.blocks', 'user_id', 'personal', 'user'),
    ('stream.users', 'deactivated_by_id', 'pointer', 'user');

-- What others keep about the user is theirs, and in nobody's export but theirs.
INSERT INTO stream.bindings (relation, user_column, kind, governed_by, exported) VALUES
    ('stream.user_mutes', 'target_id', 'personal', 'user', false),
    ('stream.blocks', 'blocked_user_id', 'personal', 'user', false);

INSERT INTO stream.binding_children (parent, parent_columns, child, child_columns, on_erase, on_prune) VALUES
    ('stream.channels', '{cid}', 'stream.channel_mutes', '{channel_cid}', 'delete', false),
    ('stream.channels', '{cid}', 'stream.bans', '{channel_cid}', 'delete', false);

SELECT pg_catalog.pg_extension_config_dump('stream.bans', '');
SELECT pg_catalog.pg_extension_config_dump('stream.user_mutes', '');
SELECT pg_catalog.pg_extension_config_dump('stream.channel_mutes', '');
SELECT pg_catalog.pg_extension_config_dump('stream.blocks', '');

COMMENT ON TABLE stream.bans IS 'Bans, app-wide or from one channel; one whose time is over is no longer in force';
COMMENT ON COLUMN stream.bans.target_user_id IS 'Who is banned';
COMMENT ON COLUMN stream.bans.channel_cid IS 'From which channel; empty: from the whole application';
COMMENT ON COLUMN stream.bans.banned_by_id IS 'The user who banned';
COMMENT ON COLUMN stream.bans.reason IS 'Why';
COMMENT ON COLUMN stream.bans.shadow IS 'True: a shadow ban, which its target is not told of';
COMMENT ON COLUMN stream.bans.ip_ban IS 'True: the address the user last came from is banned too';
COMMENT ON COLUMN stream.bans.expires IS 'When the ban ends; null: never';
COMMENT ON COLUMN stream.bans.created_at IS 'When it was made';
COMMENT ON INDEX stream.bans_channel IS 'Finds the bans from a channel';
COMMENT ON INDEX stream.bans_created_at IS 'The default order of stream_query_banned_users';
COMMENT ON INDEX stream.bans_banned_by IS 'Finds the bans made by a user';
COMMENT ON TRIGGER guard_author ON stream.bans IS 'Refuses bans by deleted or deactivated users';

COMMENT ON TABLE stream.user_mutes IS 'Users who do not want to hear of other users';
COMMENT ON COLUMN stream.user_mutes.user_id IS 'Who muted';
COMMENT ON COLUMN stream.user_mutes.target_id IS 'Who is muted';
COMMENT ON COLUMN stream.user_mutes.expires IS 'When the mute ends; null: never';
COMMENT ON COLUMN stream.user_mutes.created_at IS 'When it was made';
COMMENT ON COLUMN stream.user_mutes.updated_at IS 'When it was last changed';
COMMENT ON INDEX stream.user_mutes_target IS 'Finds who muted a user';
COMMENT ON TRIGGER guard_author ON stream.user_mutes IS 'Refuses mutes by deleted or deactivated users';

COMMENT ON TABLE stream.channel_mutes IS 'Users who do not want to hear of channels';
COMMENT ON COLUMN stream.channel_mutes.user_id IS 'Who muted';
COMMENT ON COLUMN stream.channel_mutes.channel_cid IS 'The muted channel';
COMMENT ON COLUMN stream.channel_mutes.expires IS 'When the mute ends; null: never';
COMMENT ON COLUMN stream.channel_mutes.created_at IS 'When it was made';
COMMENT ON COLUMN stream.channel_mutes.updated_at IS 'When it was last changed';
COMMENT ON INDEX stream.channel_mutes_channel IS 'Finds the mutes of a channel that is erased';
COMMENT ON TRIGGER guard_author ON stream.channel_mutes IS 'Refuses mutes by deleted or deactivated users';

COMMENT ON TABLE stream.blocks IS 'Users who block other users';
COMMENT ON COLUMN stream.blocks.user_id IS 'Who blocked';
COMMENT ON COLUMN stream.blocks.blocked_user_id IS 'Who is blocked';
COMMENT ON COLUMN stream.blocks.created_at IS 'When it was made';
COMMENT ON INDEX stream.blocks_blocked IS 'Finds who blocked a user';
COMMENT ON TRIGGER guard_author ON stream.blocks IS 'Refuses blocks by deleted or deactivated users';
