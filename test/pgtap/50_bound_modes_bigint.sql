-- What the modes of a deletion do to an application's own tables, whose users' ids are bigints.
\set id_type bigint
\ir lib/bound_modes.sql
