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

CREATE INDEX devices_id ON stream.devices (id);

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
COMMENT ON INDEX stream.devices_id IS 'Finds whose a push token has been so far when somebody registers it';

CREATE FUNCTION stream_create_device(
    user_id text, id text, push_provider text, push_provider_name text DEFAULT NULL, voip_token boolean DEFAULT false,
    hardware_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_create_device';
REVOKE ALL ON FUNCTION stream_create_device(text, text, text, text, boolean, text) FROM PUBLIC;
COMMENT ON FUNCTION stream_create_device(text, text, text, text, boolean, text) IS
'Registers a device for a user''s push notifications. Registering it again replaces what was known of it and enables it; one that was another user''s becomes this user''s. A user keeps the 25 devices registered last. Refused: an unknown user (ST016), a deleted or deactivated one (ST017), an empty id or one longer than 1024 bytes, an unknown push_provider (ST004).
user_id: whose device it is.
id: the token by which the push provider knows the device.
push_provider: firebase, apn, huawei or xiaomi.
push_provider_name: which of several configurations of that provider.
voip_token: true for a token for calls (VoIP push).
hardware_id: names the physical device, whatever its token.
Returns {duration}.';

CREATE FUNCTION stream_list_devices(user_id text) RETURNS jsonb
    LANGUAGE c STABLE SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_list_devices';
REVOKE ALL ON FUNCTION stream_list_devices(text) FROM PUBLIC;
COMMENT ON FUNCTION stream_list_devices(text) IS
'The devices of a user, in the order in which they were registered. An unknown or deleted user is refused (ST016).
user_id: whose devices.
Returns {devices: [{id, user_id, push_provider, created_at, …}], duration}.';

CREATE FUNCTION stream_delete_device(user_id text, id text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_delete_device';
REVOKE ALL ON FUNCTION stream_delete_device(text, text) FROM PUBLIC;
COMMENT ON FUNCTION stream_delete_device(text, text) IS
'Takes a device away from a user, who may be deactivated. Refused: an unknown user or device (ST016), a deleted user (ST017).
user_id: whose device it is.
id: the token by which the push provider knows the device.
Returns {duration}.';
