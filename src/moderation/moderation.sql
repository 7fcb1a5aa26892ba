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

INSERT INTO stream.bindings (relation, user_column, kind, governed_by) VALUES
    ('stream.bans', 'target_user_id', 'personal', 'user'),
    ('stream.bans', 'banned_by_id', 'pointer', 'user'),
    ('stream.user_mutes', 'user_id', 'personal', 'user'),
    ('stream.user_mutes', 'target_id', 'personal', 'user'),
    ('stream.channel_mutes', 'user_id', 'personal', 'user'),
    ('stream.blocks', 'user_id', 'personal', 'user'),
    ('stream.blocks', 'blocked_user_id', 'personal', 'user'),
    ('stream.users', 'deactivated_by_id', 'pointer', 'user');

INSERT INTO stream.binding_children (parent, parent_columns, child, child_columns, on_erase, on_prune) VALUES
    ('stream.channels', '{cid}', 'stream.channel_mutes', '{channel_cid}', 'delete', false),
    ('stream.channels', '{cid}', 'stream.bans', '{channel_cid}', 'delete', false);

SELECT pg_catalog.pg_extension_config_dump('stream.bans', '');
SELECT pg_catalog.pg_extension_config_dump('stream.user_mutes', '');
SELECT pg_catalog.pg_extension_config_dump('stream.channel_mutes', '');
SELECT pg_catalog.pg_extension_config_dump('stream.blocks', '');
