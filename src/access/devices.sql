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

INSERT INTO stream.bindings (relation, user_column, kind, governed_by, on_pruning) VALUES
    ('stream.devices', 'user_id', 'personal', 'user', 'delete');

SELECT pg_catalog.pg_extension_config_dump('stream.devices', '');

COMMENT ON TABLE stream.devices IS 'Devices that receive a user''s push notifications';
COMMENT ON COLUMN stream.devices.user_id IS 'Whose device it is';
COMMENT ON COLUMN stream.devices.id IS 'The token by which the push provider knows the device';
COMMENT ON COLUMN stream.devices.push_provider IS 'firebase, apn, huawei or xiaomi';
COMMENT ON COLUMN stream.devices.push_provider_name IS 'Which of several configurations of that provider';
COMMENT ON COLUMN stream.devices.disabled IS 'True: nothing is pushed to the device';
COMMENT ON COLUMN stream.devices.disabled_reason IS 'Why it is disabled';
COMMENT ON COLUMN stream.devices.voip IS 'True: the token is for calls (VoIP push)';
COMMENT ON COLUMN stream.devices.hardware_id IS 'Names the physical device, whatever its token';
COMMENT ON COLUMN stream.devices.created_at IS 'When the device was registered';
