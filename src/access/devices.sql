CREATE TABLE stream.devices (
    user_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    push_provider text NOT NULL CHECK (push_provider IN ('firebase', 'apn', 'huawei', 'xiaomi')),
    push_provider_name text,
    disabled boolean,
    disabled_reason text,
    voip boolean,
    hardware_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id)
);

INSERT INTO stream.bindings (relation, user_column, kind, governed_by, prune_rows) VALUES
    ('stream.devices', 'user_id', 'personal', 'user', true);

SELECT pg_catalog.pg_extension_config_dump('stream.devices', '');
