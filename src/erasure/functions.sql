CREATE FUNCTION stream_verify_erasure(id text) RETURNS TABLE (relation regclass, column_name name, rows bigint)
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_verify_erasure';
CREATE FUNCTION stream_reapply_erasures(dry_run boolean DEFAULT false) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_reapply_erasures';
CREATE FUNCTION stream_hold_user(id text, reason text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_hold_user';
CREATE FUNCTION stream_release_user(id text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_release_user';
CREATE FUNCTION stream_list_holds() RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_list_holds';

REVOKE ALL ON FUNCTION stream_verify_erasure, stream_reapply_erasures, stream_hold_user, stream_release_user,
                       stream_list_holds FROM PUBLIC;

COMMENT ON FUNCTION stream_verify_erasure(text) IS
'What still holds a user''s id: every bound column of every bound table, the users themselves, and the extension''s own
queue, events and holds. No row at all after a completed hard deletion.
id: the id, of a user that need not be there any more.
Returns rows of
relation: a table
column_name: its column that holds the id
rows: in how many rows, at least one';

COMMENT ON FUNCTION stream_reapply_erasures(boolean) IS
'After an older backup has been restored and the newer ledger copied into stream.erasures: deletes the users again that
are there although the ledger says that they, or data of theirs, had been erased since; by tasks, in the recorded
modes. What the ledger records as soft is left as it is. Users created later under an erased id are left alone, and so
are those under legal hold or in a conversation or call with somebody who is.
dry_run: true changes nothing and returns {users, held, duration}.
Returns {task_ids, users, held, duration}: how many users, and the ids of those that a hold protects.';

COMMENT ON FUNCTION stream_hold_user(text, text) IS
'Places a user under legal hold: until stream_release_user it can''t be pruned or hard-deleted, nor its messages, nor
conversations or calls it is a member of (ST017). Soft deletion stays possible. Refused: an unknown user (ST016), and
one of whom a pending or running deletion erases something (ST017). A second hold replaces the reason.
id: the user.
reason: why; not empty.
Returns {hold: {user_id, reason, created_at, created_by}, duration}.';

COMMENT ON FUNCTION stream_release_user(text) IS
'Ends a user''s legal hold. Refused: an unknown user (ST016), one without a hold (ST004).
id: the user.
Returns {user_id, duration}.';

COMMENT ON FUNCTION stream_list_holds() IS
'All legal holds, the oldest first.
Returns {holds: [{user_id, reason, created_at, created_by}], duration}.';
