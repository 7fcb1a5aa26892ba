-- The ledger: which users have been erased, without saying who they are. It outlives them. A row is
-- a user and a task that erased or emptied data of that user, never one that only marked. Rows are
-- made to be copied between servers: nothing in them refers to other tables, and the salt travels
-- with them. A server goes on with the salt its ledger has.
CREATE TABLE stream.erasures (
    task_id uuid NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    salt bytea NOT NULL,
    requested_at timestamptz NOT NULL,
    erased_at timestamptz NOT NULL,
    user_mode text CHECK (user_mode IN ('soft', 'pruning', 'hard')),
    messages_mode text CHECK (messages_mode IN ('soft', 'pruning', 'hard')),
    conversations_mode text CHECK (conversations_mode IN ('soft', 'hard')),
    calls_mode text CHECK (calls_mode IN ('soft', 'hard')),
    counts jsonb NOT NULL,
    PRIMARY KEY (task_id, hash)
);

-- The rows of the ledger that this database has carried out itself. It belongs to the data, not to
-- the ledger: an older backup does not hold it, which is how stream_reapply_erasures() knows.
CREATE TABLE stream.erasures_applied (
    task_id uuid NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (task_id, hash)
);

-- Makes COPY into a ledger that holds some of the rows already leave those alone.
CREATE FUNCTION stream.skip_known_erasure() RETURNS trigger
    LANGUAGE c SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_skip_known_erasure';
REVOKE ALL ON FUNCTION stream.skip_known_erasure FROM PUBLIC;
CREATE TRIGGER skip_known BEFORE INSERT ON stream.erasures FOR EACH ROW
    EXECUTE FUNCTION stream.skip_known_erasure();

-- Legal holds. The rows are read under a lock of the table: see src/erasure/holds.cpp.
CREATE TABLE stream.holds (
    user_id text COLLATE "C" NOT NULL PRIMARY KEY,
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by name NOT NULL DEFAULT session_user
);

SELECT pg_catalog.pg_extension_config_dump('stream.erasures', '');
SELECT pg_catalog.pg_extension_config_dump('stream.erasures_applied', '');
SELECT pg_catalog.pg_extension_config_dump('stream.holds', '');

COMMENT ON TABLE stream.erasures IS 'The erasure ledger: a row for each user and task that erased or emptied data of that user. Copy it away with \copy; after an older backup has been restored, copy it back and call stream_reapply_erasures()';
COMMENT ON COLUMN stream.erasures.task_id IS 'The task that did it';
COMMENT ON COLUMN stream.erasures.hash IS 'sha256 of the salt and the user''s id';
COMMENT ON COLUMN stream.erasures.salt IS '32 random bytes, the same in all rows that one installation makes';
COMMENT ON COLUMN stream.erasures.requested_at IS 'When it was asked for: a user created later is another one with the same id';
COMMENT ON COLUMN stream.erasures.erased_at IS 'When it was done';
COMMENT ON COLUMN stream.erasures.user_mode IS 'The deletion''s user_mode';
COMMENT ON COLUMN stream.erasures.messages_mode IS 'The deletion''s messages_mode';
COMMENT ON COLUMN stream.erasures.conversations_mode IS 'The deletion''s conversations_mode';
COMMENT ON COLUMN stream.erasures.calls_mode IS 'The deletion''s calls_mode';
COMMENT ON COLUMN stream.erasures.counts IS 'Rows handled by the whole task, by table and mode: all of its users together';
COMMENT ON TABLE stream.erasures_applied IS 'The rows of the erasure ledger that this database has carried out; not to be copied with it';
COMMENT ON COLUMN stream.erasures_applied.task_id IS 'task_id of the row';
COMMENT ON COLUMN stream.erasures_applied.hash IS 'hash of the row';
REVOKE ALL ON FUNCTION stream.skip_known_erasure FROM PUBLIC;
COMMENT ON FUNCTION stream.skip_known_erasure() IS 'Trigger: leaves out a row of the erasure ledger that is there already';
COMMENT ON TRIGGER skip_known ON stream.erasures IS 'Lets a ledger be copied over an older one';
COMMENT ON TABLE stream.holds IS 'Users under legal hold: they can''t be pruned, hard-deleted or robbed of their data';
COMMENT ON COLUMN stream.holds.user_id IS 'The user';
COMMENT ON COLUMN stream.holds.reason IS 'Why, in the words of who placed the hold';
COMMENT ON COLUMN stream.holds.created_at IS 'When it was placed';
COMMENT ON COLUMN stream.holds.created_by IS 'The role of the database that placed it';
