-- One row a user. Few indexes: each one costs every upsert more than the row itself. updated_at is
-- not indexed and pages keep room, so that replacing a user can stay on its page (HOT).
CREATE TABLE stream.users (
    id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 255 AND id ~ '^[A-Za-z0-9@_-]+$'),
    role text COLLATE "C" NOT NULL DEFAULT 'user',
    name text,
    image text,
    custom jsonb NOT NULL DEFAULT '{}',
    teams text[] COLLATE "C" NOT NULL DEFAULT '{}',
    teams_role jsonb,
    language text NOT NULL DEFAULT '',
    invisible boolean NOT NULL DEFAULT false,
    privacy_settings jsonb,
    push_notifications jsonb,
    online boolean NOT NULL DEFAULT false,
    last_active timestamptz,
    avg_response_time integer,
    revoke_tokens_issued_before timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deactivated_at timestamptz,
    deactivated_by_id text COLLATE "C",
    deactivated_by_task uuid,
    deleted_at timestamptz,
    deleted_mode text CHECK (deleted_mode IN ('soft', 'pruning', 'hard')),
    deleted_by_task uuid
) WITH (fillfactor = 80);

CREATE INDEX users_created_at ON stream.users (created_at DESC, id);
CREATE INDEX users_role ON stream.users (role, id) WHERE role <> 'user';
CREATE INDEX users_teams ON stream.users USING gin (teams) WHERE teams <> '{}';
CREATE INDEX users_custom ON stream.users USING gin (custom jsonb_path_ops);
CREATE INDEX users_language ON stream.users (language, id) WHERE language <> '';
CREATE INDEX users_invisible ON stream.users (id) WHERE invisible;
CREATE INDEX users_deactivated_at ON stream.users (deactivated_at) WHERE deactivated_at IS NOT NULL;
CREATE INDEX users_deleted_at ON stream.users (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX users_online ON stream.users (id) WHERE online;
CREATE INDEX users_deactivated_by ON stream.users (deactivated_by_id) WHERE deactivated_by_id IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('stream.users', '');

COMMENT ON TABLE stream.users IS 'Users, deactivated and deleted ones included until a hard deletion has erased them. Written by the stream_ functions, which check what goes in';
COMMENT ON COLUMN stream.users.id IS 'The user''s id: 1 to 255 letters, digits, @, _ or -; chosen by the application and never changed';
COMMENT ON COLUMN stream.users.role IS 'The app-wide role, one of stream.roles';
COMMENT ON COLUMN stream.users.name IS 'Display name';
COMMENT ON COLUMN stream.users.image IS 'URL of the user''s picture';
COMMENT ON COLUMN stream.users.custom IS 'The application''s own data of the user, a JSON object';
COMMENT ON COLUMN stream.users.teams IS 'Teams the user is in, at most 250, without duplicates';
COMMENT ON COLUMN stream.users.teams_role IS 'Roles in single teams: {"<team>": "<role>"}';
COMMENT ON COLUMN stream.users.language IS 'ISO 639-1 code with optional region, such as en or fr-CA; empty when unknown';
COMMENT ON COLUMN stream.users.invisible IS 'True: others are not shown whether the user is online';
COMMENT ON COLUMN stream.users.privacy_settings IS '{"typing_indicators", "read_receipts", "delivery_receipts": {"enabled": boolean}}, each optional';
COMMENT ON COLUMN stream.users.push_notifications IS '{"disabled": boolean, "disabled_until": Unix epoch nanoseconds}, each optional; run out once disabled_until is over';
COMMENT ON COLUMN stream.users.online IS 'True: the user has connected and not disconnected since. It is no longer online once last_active is stream_users.presence_timeout ago; workers then set this to false';
COMMENT ON COLUMN stream.users.last_active IS 'When the user last connected or disconnected';
COMMENT ON COLUMN stream.users.avg_response_time IS 'How fast the user answers, on average, in seconds';
COMMENT ON COLUMN stream.users.revoke_tokens_issued_before IS 'Tokens issued before this time are no longer good';
COMMENT ON COLUMN stream.users.created_at IS 'When the user was created';
COMMENT ON COLUMN stream.users.updated_at IS 'When the user was last changed; a call that changes nothing keeps it';
COMMENT ON COLUMN stream.users.deactivated_at IS 'When the user was deactivated; null while it is active';
COMMENT ON COLUMN stream.users.deactivated_by_id IS 'The user who deactivated it, as the call named it';
COMMENT ON COLUMN stream.users.deactivated_by_task IS 'The task that deactivated it: reactivating with restore brings back what that task marked';
COMMENT ON COLUMN stream.users.deleted_at IS 'When the user was first deleted; null while it is not';
COMMENT ON COLUMN stream.users.deleted_mode IS 'The strongest user_mode it was deleted with: soft, pruning or hard';
COMMENT ON COLUMN stream.users.deleted_by_task IS 'The task of that deletion: stream_restore_users brings back what that task marked';
COMMENT ON INDEX stream.users_created_at IS 'The default order of stream_query_users';
COMMENT ON INDEX stream.users_role IS 'Users by role, but for the role nearly all have';
COMMENT ON INDEX stream.users_teams IS 'Users by team';
COMMENT ON INDEX stream.users_custom IS 'Users by equality with values inside custom';
COMMENT ON INDEX stream.users_language IS 'Users by language, as far as it is known';
COMMENT ON INDEX stream.users_invisible IS 'Invisible users, in the order of their ids';
COMMENT ON INDEX stream.users_deactivated_at IS 'Deactivated users by time';
COMMENT ON INDEX stream.users_deleted_at IS 'Deleted users by time, as long as their rows are there';
COMMENT ON INDEX stream.users_online IS 'Users who are online, or were until their time was over';
COMMENT ON INDEX stream.users_deactivated_by IS 'Finds what names a user that is erased as the one who deactivated others';
