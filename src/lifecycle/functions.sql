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

COMMENT ON FUNCTION stream_deactivate_user(text, boolean, text) IS
'Deactivates a user at once: it can''t connect or act any more, its data stays. Refused: an unknown user (ST016), one
that is deactivated already or deleted (ST004).
id: the user.
mark_messages_deleted: true marks the user''s messages, activities and comments deleted too.
created_by_id: who did it, a user.
Returns {user, duration}, the user in short form.';

COMMENT ON FUNCTION stream_deactivate_users(text[], boolean, boolean, text) IS
'Deactivates many users by a task.
ids: the users; refused as in stream_deactivate_user, all or none.
mark_messages_deleted: true marks their messages, activities and comments deleted too.
mark_channels_deleted: true marks their conversations (channels with exactly two members) deleted too.
created_by_id: who did it, a user.
Returns {task_id, duration}.';

COMMENT ON FUNCTION stream_reactivate_user(text, boolean, text, text) IS
'Takes a deactivation back at once. Refused: an unknown user (ST016), one that is not deactivated or is deleted (ST004).
id: the user.
restore_messages: true brings back what that deactivation marked deleted, and nothing else.
name: a new name; null keeps the old one.
created_by_id: who did it, a user.
Returns {user, duration}, the user in short form.';

COMMENT ON FUNCTION stream_reactivate_users(text[], boolean, boolean, text) IS
'Takes the deactivation of many users back, by a task.
ids: the users; refused as in stream_reactivate_user, all or none.
restore_messages: true brings back the messages, activities and comments that their deactivation marked deleted.
restore_channels: true brings back the conversations that it marked deleted.
created_by_id: who did it, a user.
Returns {task_id, duration}.';

COMMENT ON FUNCTION stream_delete_users(text[], text, text, text, text, text, text, boolean, boolean) IS
'Deletes users and their data. The call marks the users deleted; the rest is a task. A mode of NULL or '''' leaves that
kind of data alone. Refused (ST004 unless said otherwise): no users, a user twice, an unknown user (ST016), a mode
that does not exist, all modes NULL, a user_mode that is not stronger than that of an earlier deletion, a hard user
without hard messages and conversations.
ids: the users.
user_mode: soft marks the user deleted, pruning also empties its personal fields, hard leaves nothing that holds its id.
messages_mode: soft marks what the user wrote deleted, pruning also empties it and removes reactions and flags on it,
  hard erases it with all that hangs on it.
conversations_mode: soft marks channels with exactly two members, one of them the user, deleted; hard erases them.
calls_mode: the same for calls with exactly two members.
new_owner: with a hard user, who gets the channels it owned: a user that is not deleted nor among ids; null: a
  placeholder user delete-user-<16 hex digits>.
new_call_owner: the same for its group calls.
files: true lists the URLs of attachments that nothing refers to any more in the task''s result.
dry_run: true changes nothing and returns {counts, duration}, the counts that the task would report.
Returns {task_id, duration}.';

COMMENT ON FUNCTION stream_restore_users(text[]) IS
'Brings soft-deleted users back at once, and what their deletion marked by a task when there is any. Refused, with
nothing restored: an unknown user (ST016), one that is not deleted, or not softly (ST004).
ids: the users.
Returns {duration}, with task_id when there is a task.';
