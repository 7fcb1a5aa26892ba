CREATE FUNCTION stream_grant(role regrole, level text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_grant';
CREATE FUNCTION stream_revoke(role regrole, level text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_revoke';

REVOKE ALL ON FUNCTION stream_grant, stream_revoke FROM PUBLIC;

-- Who may call what: each level includes the ones before it.
CREATE TABLE stream.function_levels (
    function regprocedure PRIMARY KEY,
    level text NOT NULL CHECK (level IN ('reader', 'writer', 'moderator', 'admin'))
);

INSERT INTO stream.function_levels (function, level)
SELECT p.oid, l.level
FROM (VALUES ('stream_get_user', 'reader'), ('stream_get_users', 'reader'), ('stream_query_users', 'reader'),
             ('stream_list_roles', 'reader'), ('stream_get_task', 'reader'), ('stream_wait_task', 'reader'),
             ('stream_read_events', 'reader'), ('stream_trim_events', 'admin'),
             ('worker_is_gone', 'reader'),
             ('stream_authorize', 'reader'), ('present_since', 'reader'),
             ('stream_connect_user', 'writer'), ('stream_disconnect_user', 'writer'), ('stream_revoke_tokens', 'admin'),
             ('stream_upsert_users', 'writer'), ('stream_patch_user', 'writer'), ('stream_patch_users', 'writer'),
             ('stream_set_push_notifications', 'writer'),
             ('stream_create_device', 'writer'), ('stream_list_devices', 'writer'), ('stream_delete_device', 'writer'),
             ('stream_create_guest', 'writer'),
             ('stream_deactivate_user', 'moderator'), ('stream_deactivate_users', 'moderator'),
             ('stream_reactivate_user', 'moderator'), ('stream_reactivate_users', 'moderator'),
             ('stream_ban_user', 'moderator'), ('stream_unban_user', 'moderator'),
             ('stream_query_banned_users', 'reader'), ('stream_get_blocked_users', 'reader'),
             ('stream_mute_users', 'moderator'), ('stream_unmute_users', 'moderator'),
             ('stream_mute_channels', 'moderator'), ('stream_unmute_channels', 'moderator'),
             ('stream_block_user', 'moderator'), ('stream_unblock_user', 'moderator'),
             ('stream_flag', 'moderator'), ('stream_unflag', 'moderator'),
             ('stream_delete_users', 'admin'), ('stream_restore_users', 'admin'),
             ('stream_create_role', 'admin'), ('stream_delete_role', 'admin'),
             ('stream_verify_erasure', 'admin'), ('stream_unbound_columns', 'admin'),
             ('stream_reapply_erasures', 'admin'), ('stream_hold_user', 'admin'), ('stream_release_user', 'admin'),
             ('stream_list_holds', 'admin'),
             ('stream_cancel_task', 'admin'), ('stream_retry_task', 'admin'),
             ('stream_run_tasks', 'admin'), ('stream_start_workers', 'admin'), ('stream_stop_workers', 'admin'),
             ('stream_export_user', 'admin'), ('stream_export_user_rows', 'admin'), ('stream_export_users', 'admin'), ('stream_get_export', 'admin'),
             ('stream_bind_table', 'admin'), ('stream_unbind_table', 'admin'),
             ('stream_grant', 'admin'), ('stream_revoke', 'admin'),
             ('uuid_of', 'reader'), ('bigint_of', 'reader'), ('integer_of', 'reader')) AS l (name, level)
JOIN pg_catalog.pg_proc p ON p.proname = l.name
                         AND p.pronamespace IN ('@extschema@'::regnamespace, 'stream'::regnamespace);

COMMENT ON FUNCTION stream_grant(regrole, text) IS
'Lets a role of the database call the functions of a level, and read stream.task_progress. The role needs no rights on
the tables. An unknown level is refused (ST004).
role: the role.
level: reader (get, query, authorize, tasks, events), writer (and upsert, patch, connect, devices, guests), moderator (and
deactivate, reactivate, bans, mutes, blocks, flags) or admin (all).
Returns {level, duration}.';
COMMENT ON FUNCTION stream_revoke(regrole, text) IS
'Takes a level, and those above it, from a role of the database; what is left is the level below. An unknown level is
refused (ST004).
role: the role.
level: reader, writer, moderator or admin.
Returns {level, duration}.';
COMMENT ON TABLE stream.function_levels IS 'From which level of stream_grant on a function may be called';
COMMENT ON COLUMN stream.function_levels.function IS 'The function or procedure';
COMMENT ON COLUMN stream.function_levels.level IS 'reader, writer, moderator or admin; each includes the ones before it';
