-- Refuses rows whose author is deleted or deactivated (code 17). One call a statement: the new rows
-- come as the transition table new_rows; the trigger's arguments are the columns to look at.
CREATE FUNCTION stream.guard_author() RETURNS trigger
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_guard_author';

-- A trigger with this function runs with the rights of the extension's owner: nobody else makes one.
REVOKE ALL ON FUNCTION stream.guard_author FROM PUBLIC;

COMMENT ON FUNCTION stream.guard_author() IS
'Trigger: refuses rows whose author is deleted or deactivated (ST017). Arguments: the columns that hold a user''s id.
The setting stream_users.guard_writes turns it off.';
