-- One row a user. Few indexes: each one costs every upsert more than the row itself. updated_at is
-- not indexed and pages keep room, so that replacing a user can stay on its page (HOT).
CREATE TABLE stream.users (
    id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9@_-]{1,255}$'),
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
CREATE INDEX users_deactivated_by ON stream.users (deactivated_by_id) WHERE deactivated_by_id IS NOT NULL;

SELECT pg_catalog.pg_extension_config_dump('stream.users', '');
