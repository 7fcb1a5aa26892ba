CREATE TABLE stream.roles (
    name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9@_-]{1,64}$'),
    custom boolean NOT NULL DEFAULT true,
    scopes text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO stream.roles (name, custom)
VALUES ('user', false), ('guest', false), ('anonymous', false), ('admin', false), ('moderator', false);

SELECT pg_catalog.pg_extension_config_dump('stream.roles', 'WHERE custom');
