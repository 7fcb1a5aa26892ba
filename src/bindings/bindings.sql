-- What a table means for a user's life. Soft, pruning, hard, restore, dry run and progress are
-- computed from these rows by one executor (src/lifecycle); chat, feeds and video are nothing but
-- rows made here by their own SQL.
CREATE TABLE stream.bindings (
    relation regclass NOT NULL,
    user_column name NOT NULL,
    kind text NOT NULL CHECK (kind IN ('author', 'owner', 'member', 'pointer', 'personal')),
    governed_by text NOT NULL CHECK (governed_by IN ('user', 'messages', 'conversations', 'calls')),
    match_column name,
    match_value text,
    prune jsonb,
    prune_rows boolean NOT NULL DEFAULT false,
    attachments_column name,
    container regclass,
    container_column name,
    member_ended_column name,
    container_governed_by text CHECK (container_governed_by IN ('conversations', 'calls')),
    built_in boolean NOT NULL DEFAULT true,
    PRIMARY KEY (relation, user_column),
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
    task_column name NOT NULL,
    task_indexed boolean NOT NULL DEFAULT false,
    built_in boolean NOT NULL DEFAULT true
);

SELECT pg_catalog.pg_extension_config_dump('stream.bindings', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('stream.binding_children', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('stream.binding_marks', 'WHERE NOT built_in');

-- channels.cid is 'type:id', feeds.fid 'group_id:id', calls.cid 'type:id': each is made from the
-- other when it is left out.
CREATE FUNCTION stream.fill_composite_key() RETURNS trigger
    LANGUAGE c SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_fill_composite_key';
