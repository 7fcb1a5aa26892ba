-- What a table means for a user's life. Soft, pruning, hard, restore, dry run and progress are
-- computed from these rows by one executor (src/lifecycle); chat, feeds and video are nothing but
-- rows made here by their own SQL.
CREATE TABLE stream.bindings (
    relation regclass NOT NULL,
    user_column name NOT NULL,
    path text[],
    kind text NOT NULL CHECK (kind IN ('author', 'owner', 'member', 'pointer', 'personal')),
    governed_by text NOT NULL CHECK (governed_by IN ('user', 'messages', 'conversations', 'calls')),
    match_column name,
    match_value text,
    prune jsonb,
    on_soft text CHECK (on_soft IN ('mark', 'empty', 'delete', 'keep')),
    on_pruning text CHECK (on_pruning IN ('mark', 'empty', 'delete', 'keep')),
    on_hard text CHECK (on_hard IN ('delete', 'empty', 'keep', 'reassign')),
    attachments_column name,
    container regclass,
    container_column name,
    member_ended_column name,
    container_governed_by text CHECK (container_governed_by IN ('conversations', 'calls')),
    exported boolean,
    guarded boolean NOT NULL DEFAULT false,
    table_name text,
    built_in boolean NOT NULL DEFAULT true,
    UNIQUE NULLS NOT DISTINCT (relation, user_column, path),
    CHECK ((match_column IS NULL) = (match_value IS NULL)),
    CHECK ((container IS NULL) = (container_column IS NULL AND container_governed_by IS NULL))
);

-- Rows that hang on other rows. A child without children of its own goes (or has its pointer
-- cleared) in the same statement batch as its parent; a deeper one gets steps of its own.
CREATE TABLE stream.binding_children (
    parent regclass NOT NULL,
    parent_columns name[] NOT NULL,
    child regclass NOT NULL,
    child_columns name[] NOT NULL,
    match_column name,
    match_value text,
    on_erase text NOT NULL CHECK (on_erase IN ('delete', 'clear')),
    on_prune boolean NOT NULL DEFAULT false,
    on_mark boolean NOT NULL DEFAULT false,
    built_in boolean NOT NULL DEFAULT true,
    PRIMARY KEY (parent, child, child_columns),
    CHECK (cardinality(parent_columns) = cardinality(child_columns)),
    CHECK ((match_column IS NULL) = (match_value IS NULL))
);

-- How a bound relation marks a row deleted, by relation: the columns that hold the time and the task.
CREATE TABLE stream.binding_marks (
    relation regclass PRIMARY KEY,
    mark_column name NOT NULL,
    task_column name,
    task_indexed boolean NOT NULL DEFAULT false,
    built_in boolean NOT NULL DEFAULT true
);

-- Sessions keep what they made of these tables: see src/bindings/current.cpp.
CREATE FUNCTION stream.note_binding() RETURNS trigger
    LANGUAGE c SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_note_binding';
CREATE TRIGGER note_binding AFTER INSERT OR UPDATE OR DELETE ON stream.bindings FOR EACH ROW EXECUTE FUNCTION stream.note_binding();
CREATE TRIGGER note_binding AFTER INSERT OR UPDATE OR DELETE ON stream.binding_children FOR EACH ROW EXECUTE FUNCTION stream.note_binding();
CREATE TRIGGER note_binding AFTER INSERT OR UPDATE OR DELETE ON stream.binding_marks FOR EACH ROW EXECUTE FUNCTION stream.note_binding();
CREATE TRIGGER note_emptied AFTER TRUNCATE ON stream.bindings FOR EACH STATEMENT EXECUTE FUNCTION stream.note_binding();
CREATE TRIGGER note_emptied AFTER TRUNCATE ON stream.binding_children FOR EACH STATEMENT EXECUTE FUNCTION stream.note_binding();
CREATE TRIGGER note_emptied AFTER TRUNCATE ON stream.binding_marks FOR EACH STATEMENT EXECUTE FUNCTION stream.note_binding();
ALTER TABLE stream.bindings ENABLE ALWAYS TRIGGER note_binding;
ALTER TABLE stream.binding_children ENABLE ALWAYS TRIGGER note_binding;
ALTER TABLE stream.binding_marks ENABLE ALWAYS TRIGGER note_binding;

-- Which task marked a row, for tables that have no column to say so: a row is marked by one task.
-- Such a table's rows that a task is about to erase are remembered here too.
CREATE TABLE stream.marks (
    relation regclass NOT NULL,
    key text[] COLLATE "C" NOT NULL,
    task uuid NOT NULL,
    PRIMARY KEY (relation, key)
);
CREATE INDEX marks_task ON stream.marks (task, relation, key);

SELECT pg_catalog.pg_extension_config_dump('stream.bindings', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('stream.binding_children', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('stream.binding_marks', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('stream.marks', '');

-- A user's id as columns of other types hold it: NULL unless the value, written as text, is exactly
-- that id, so that no two users ever meet in one value.
CREATE FUNCTION stream.uuid_of(user_id text) RETURNS uuid
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_uuid_of';
CREATE FUNCTION stream.bigint_of(user_id text) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_bigint_of';
CREATE FUNCTION stream.integer_of(user_id text) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_integer_of';

REVOKE ALL ON FUNCTION stream.uuid_of, stream.bigint_of, stream.integer_of FROM PUBLIC;

COMMENT ON FUNCTION stream.uuid_of(text) IS
'A user''s id as a uuid: null unless the id is a uuid in the form in which PostgreSQL writes it.
user_id: the id.';
COMMENT ON FUNCTION stream.bigint_of(text) IS
'A user''s id as a bigint: null unless the id is such a number as PostgreSQL writes it.
user_id: the id.';
COMMENT ON FUNCTION stream.integer_of(text) IS
'A user''s id as an integer: null unless the id is such a number as PostgreSQL writes it.
user_id: the id.';

-- channels.cid is 'type:id', feeds.fid 'group_id:id', calls.cid 'type:id': each is made from the
-- other when it is left out.
CREATE FUNCTION stream.fill_composite_key() RETURNS trigger
    LANGUAGE c SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_fill_composite_key';

COMMENT ON FUNCTION stream.fill_composite_key() IS
'Trigger: fills a key such as channels.cid from its two parts, or the parts from the key. Arguments: the key''s column,
the columns of the two parts.';

COMMENT ON TABLE stream.bindings IS 'What the rows of a table are to the user whose id one of its columns holds';
COMMENT ON COLUMN stream.bindings.relation IS 'The table';
COMMENT ON COLUMN stream.bindings.user_column IS 'The column that holds the user''s id, or an array of ids';
COMMENT ON COLUMN stream.bindings.path IS 'Where in a jsonb column the id stands; a last element * means in each element of a list';
COMMENT ON COLUMN stream.bindings.kind IS 'author: the user wrote the row; owner: it goes to a new owner; member: it ends with the user; pointer: it stays and the column is cleared; personal: it is about the user alone';
COMMENT ON COLUMN stream.bindings.governed_by IS 'Which mode of a deletion decides about the row: user, messages, conversations or calls';
COMMENT ON COLUMN stream.bindings.match_column IS 'Only rows in which this column …';
COMMENT ON COLUMN stream.bindings.match_value IS '… holds this value count';
COMMENT ON COLUMN stream.bindings.prune IS 'What pruning empties: column → new value in the column''s input syntax, or null';
COMMENT ON COLUMN stream.bindings.on_soft IS 'What a soft deletion does: mark, empty (and mark), delete or keep; null: what suits the kind';
COMMENT ON COLUMN stream.bindings.on_pruning IS 'What pruning does: mark, empty (and mark), delete or keep; null: what suits the kind';
COMMENT ON COLUMN stream.bindings.on_hard IS 'What a hard deletion does: delete, empty, keep (both clear the id once the user goes) or reassign; null: what suits the kind';
COMMENT ON COLUMN stream.bindings.attachments_column IS 'jsonb array of attachments whose URLs name files';
COMMENT ON COLUMN stream.bindings.container IS 'For a membership: the table of what the user is a member of';
COMMENT ON COLUMN stream.bindings.container_column IS 'For a membership: the column that holds the container''s key';
COMMENT ON COLUMN stream.bindings.member_ended_column IS 'For a membership: set once it has ended; such members are not counted';
COMMENT ON COLUMN stream.bindings.container_governed_by IS 'Which mode decides about containers with exactly two members';
COMMENT ON COLUMN stream.bindings.exported IS 'Exports of the user contain the rows; null: unless kind is pointer';
COMMENT ON COLUMN stream.bindings.guarded IS 'Of an application''s table: its trigger stream_users_guard refuses rows in which this column names a deleted or deactivated user';
COMMENT ON COLUMN stream.bindings.table_name IS 'Of an application''s table: what it was called when it was bound, for messages after it is gone';
COMMENT ON COLUMN stream.bindings.built_in IS 'Made by the extension itself; not dumped';
COMMENT ON TABLE stream.binding_children IS 'Rows that hang on other rows and go with them';
COMMENT ON COLUMN stream.binding_children.parent IS 'The table they hang on';
COMMENT ON COLUMN stream.binding_children.parent_columns IS 'Columns of the parent''s primary key';
COMMENT ON COLUMN stream.binding_children.child IS 'The table of the rows';
COMMENT ON COLUMN stream.binding_children.child_columns IS 'The child''s columns that hold the parent''s key, in the same order';
COMMENT ON COLUMN stream.binding_children.match_column IS 'Only rows in which this column …';
COMMENT ON COLUMN stream.binding_children.match_value IS '… holds this value hang on the parent';
COMMENT ON COLUMN stream.binding_children.on_erase IS 'When the parent is erased: delete the row, or clear its last child column';
COMMENT ON COLUMN stream.binding_children.on_prune IS 'Pruning the parent deletes the row';
COMMENT ON COLUMN stream.binding_children.on_mark IS 'Marking the parent deleted marks the row';
COMMENT ON COLUMN stream.binding_children.built_in IS 'Made by the extension itself; not dumped';
COMMENT ON TABLE stream.binding_marks IS 'How a bound table marks rows deleted';
COMMENT ON COLUMN stream.binding_marks.relation IS 'The table';
COMMENT ON COLUMN stream.binding_marks.mark_column IS 'When the row was deleted, null while it is not; or whether it is deleted';
COMMENT ON COLUMN stream.binding_marks.task_column IS 'Which task marked it: what a restore brings back; null: stream.marks remembers that';
COMMENT ON COLUMN stream.binding_marks.task_indexed IS 'An index finds rows by the task that marked them';
COMMENT ON COLUMN stream.binding_marks.built_in IS 'Made by the extension itself; not dumped';
REVOKE ALL ON FUNCTION stream.note_binding FROM PUBLIC;
COMMENT ON FUNCTION stream.note_binding() IS 'Trigger: tells all sessions that what is bound has changed';
COMMENT ON TRIGGER note_binding ON stream.bindings IS 'Makes sessions read the bindings anew';
COMMENT ON TRIGGER note_emptied ON stream.bindings IS 'Makes sessions read the bindings anew';
COMMENT ON TRIGGER note_binding ON stream.binding_children IS 'Makes sessions read the bindings anew';
COMMENT ON TRIGGER note_emptied ON stream.binding_children IS 'Makes sessions read the bindings anew';
COMMENT ON TRIGGER note_binding ON stream.binding_marks IS 'Makes sessions read the bindings anew';
COMMENT ON TRIGGER note_emptied ON stream.binding_marks IS 'Makes sessions read the bindings anew';
COMMENT ON TABLE stream.marks IS 'Which task marked or claimed which row, for bound tables that have no column for it';
COMMENT ON COLUMN stream.marks.relation IS 'The table';
COMMENT ON COLUMN stream.marks.key IS 'The row''s primary key, as text';
COMMENT ON COLUMN stream.marks.task IS 'The task';
COMMENT ON INDEX stream.marks_task IS 'Finds what a task marked or claimed';
