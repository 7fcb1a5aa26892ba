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

COMMENT ON TABLE stream.roles IS 'Roles that users can have, app-wide or in a team';
COMMENT ON COLUMN stream.roles.name IS 'The role: 1 to 64 letters, digits, @, _ or -';
COMMENT ON COLUMN stream.roles.custom IS 'True for a role made by stream_create_role, false for a built-in one; only custom roles can be deleted, and only they are dumped';
COMMENT ON COLUMN stream.roles.scopes IS 'Scopes that the application gives the role; nothing in the extension reads them';
COMMENT ON COLUMN stream.roles.created_at IS 'When the role was made';
COMMENT ON COLUMN stream.roles.updated_at IS 'When the role was last changed';
