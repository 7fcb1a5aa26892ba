-- The caller must own the table: so these run with the caller's rights until that is known.
CREATE FUNCTION stream_bind_table(relation regclass, user_column name, kind text, path text[] DEFAULT NULL,
                                  mode text DEFAULT NULL, deleted_column name DEFAULT NULL,
                                  task_column name DEFAULT NULL, empty jsonb DEFAULT NULL, children jsonb DEFAULT NULL,
                                  soft text DEFAULT NULL, pruning text DEFAULT NULL, hard text DEFAULT NULL,
                                  attachments_column name DEFAULT NULL, guard boolean DEFAULT NULL,
                                  export boolean DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_bind_table';
CREATE FUNCTION stream_unbind_table(relation regclass) RETURNS jsonb
    LANGUAGE c SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_unbind_table';

REVOKE ALL ON FUNCTION stream_bind_table, stream_unbind_table FROM PUBLIC;

COMMENT ON FUNCTION stream_bind_table(regclass, name, text, text[], text, name, name, jsonb, jsonb, text, text, text, name, boolean, boolean) IS
'Makes a table of the application part of deactivate, delete, prune, restore, dry run, progress and erasure proof. A
table may be bound by several columns; binding the same column again replaces its binding. The caller must own the
table, and those of its children. Refused (ST004) with the argument''s name as path: what does not fit the table. A
missing index is a warning with the CREATE INDEX to run.
relation: an ordinary or partitioned table with a primary key.
user_column: holds the user''s id: text, varchar, uuid, bigint, integer, an array of these, or jsonb with a path.
kind: what the row is to the user. author: the user wrote it. personal: it is about the user alone. member: it says that
  the user takes part in something. owner: the user owns what others share. pointer: another''s row names the user.
path: into a jsonb column: {owner,id} leads to one id, {watchers,*} to each string of a list or key of an object.
mode: which mode of a deletion decides: user or messages; null: messages for an author, else user.
deleted_column: how a row is marked deleted: a timestamp, null while it is not, or a boolean; null: it can''t be.
task_column: a uuid column that says which task marked a row; null: stream.marks remembers that.
empty: what emptying sets: {"column": new value or null}.
children: tables with rows that hang on these and go with them: {"schema.table": "column"}, or an array of columns, or
  {"columns": …, "parent_columns": …, "pruning": "delete" or "keep", "hard": "delete" or "clear", "children": {…}}.
  The columns hold the parent''s primary key. By default pruning keeps children, and hard deletes them.
soft: what a soft deletion does to the rows: mark, empty, delete or keep; null: mark where it can, or for owner and pointer keep.
pruning: what pruning does: mark, empty, delete or keep; null: empty where told what, else as soft.
hard: what a hard deletion does: delete, empty, keep or reassign; null: delete, for an owner reassign, for a pointer keep.
  Whatever stays loses the id once the user is erased.
attachments_column: a jsonb array of attachments whose URLs a deletion with files lists.
guard: true makes a trigger that refuses new rows which name a deleted or deactivated user in this column (ST017);
  null: true for author, owner and member.
export: whether exports of the user contain the rows; null: unless kind is pointer.
Returns {relation, user_column, kind, mode, soft, pruning, hard, guard, duration}.';

COMMENT ON FUNCTION stream_unbind_table(regclass) IS
'Takes a table of the application out of everything again, with its children that are not bound themselves. What an
earlier deletion marked in it stays marked. A table that is not bound is an error (ST016). The caller must own the table.
relation: the table; one that was dropped by its number.
Returns {relation, duration}.';
