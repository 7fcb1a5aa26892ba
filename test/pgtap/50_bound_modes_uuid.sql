-- What the modes of a deletion do to an application's own tables, whose users' ids are uuids.
\set id_type uuid
\ir lib/bound_modes.sql
