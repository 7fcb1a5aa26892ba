-- Finding users.

CREATE FUNCTION stream_query_users(query jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c STABLE SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_query_users';
REVOKE ALL ON FUNCTION stream_query_users(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION stream_query_users(jsonb) IS
'Users that match a filter, sorted and a page at a time. What is wrong in a query is refused by its path (ST004).
query: an object of filter_conditions (fields, custom.<path>, $and, $or, $nor), sort ([{field, direction: 1 or -1}], at most 5; default created_at descending), limit (default 30, at most 100), offset (at most 1000), include_deactivated_users and include_deleted_users (default false). For further pages filter by the last id seen, {"id": {"$gt": …}}, and sort by id.
Returns {users: [{…}], duration}.';
