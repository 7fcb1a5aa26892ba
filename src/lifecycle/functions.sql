CREATE FUNCTION stream_deactivate_user(id text, mark_messages_deleted boolean DEFAULT false,
                                       created_by_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_deactivate_user';
CREATE FUNCTION stream_deactivate_users(ids text[], mark_messages_deleted boolean DEFAULT false,
                                        mark_channels_deleted boolean DEFAULT false,
                                        created_by_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_deactivate_users';
CREATE FUNCTION stream_reactivate_user(id text, restore_messages boolean DEFAULT false,
                                       name text DEFAULT NULL, created_by_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_reactivate_user';
CREATE FUNCTION stream_reactivate_users(ids text[], restore_messages boolean DEFAULT false,
                                        restore_channels boolean DEFAULT false,
                                        created_by_id text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_reactivate_users';
CREATE FUNCTION stream_delete_users(ids text[], user_mode text DEFAULT 'soft', messages_mode text DEFAULT 'soft',
                                    conversations_mode text DEFAULT 'soft', calls_mode text DEFAULT 'soft',
                                    new_owner text DEFAULT NULL, new_call_owner text DEFAULT NULL,
                                    files boolean DEFAULT false, dry_run boolean DEFAULT false) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_delete_users';
CREATE FUNCTION stream_restore_users(ids text[]) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_restore_users';

REVOKE ALL ON FUNCTION stream_deactivate_user, stream_deactivate_users, stream_reactivate_user,
                       stream_reactivate_users, stream_delete_users, stream_restore_users FROM PUBLIC;
