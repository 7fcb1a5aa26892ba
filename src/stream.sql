-- Tables, views and internals live here; the callable functions live in the schema that
-- CREATE EXTENSION … SCHEMA puts them in.
CREATE SCHEMA stream;
COMMENT ON SCHEMA stream IS 'Users, products'' tables, tasks and bindings of the extension stream_users';
