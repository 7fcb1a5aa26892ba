-- Creating, replacing, patching and reading users; roles.

CREATE FUNCTION stream_upsert_users(users jsonb, return_users boolean DEFAULT true) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_upsert_users';
REVOKE ALL ON FUNCTION stream_upsert_users(jsonb, boolean) FROM PUBLIC;
COMMENT ON FUNCTION stream_upsert_users(jsonb, boolean) IS
'Creates users and replaces those that exist: what an object leaves out goes back to its default. All of the call happens or none of it. A user that the call does not change is not written.
Refused (ST004), naming the first bad entry: no users, an id twice, a bad id or value, an unknown role or key, a deleted user.
users: {"users": {"<id>": {…}}}, {"users": [{…}]}, a bare array, or one user object; id is mandatory; role, name, image, custom, language, invisible, teams, teams_role and privacy_settings can be set.
return_users: false returns {created, updated, unchanged, duration} instead of the users.
Returns {users: {"<id>": {…}}, membership_deletion_task_id, duration}. membership_deletion_task_id: the task that ends memberships in channels of teams that users left; empty when there is none.';

CREATE FUNCTION stream_create_guest("user" jsonb) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_create_guest';
REVOKE ALL ON FUNCTION stream_create_guest(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION stream_create_guest(jsonb) IS
'Creates a user with the role guest under an id that nobody has yet: guest-<uuid>-<id>, or guest-<uuid> without an id. Each call creates another one. Refused (ST004): a bad id or value, an unknown key, another role.
user: the user object, as stream_upsert_users takes it; id may be left out and is at most 212 characters long.
Returns {user, duration}.';

CREATE FUNCTION stream_patch_user(id text, set jsonb DEFAULT '{}', unset text[] DEFAULT '{}') RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_patch_user';
REVOKE ALL ON FUNCTION stream_patch_user(text, jsonb, text[]) FROM PUBLIC;
COMMENT ON FUNCTION stream_patch_user(text, jsonb, text[]) IS
'Changes single fields of one user and leaves the others as they are. Refused: an unknown user (ST016); a deleted one, a path that can''t be set, a path named twice or inside another, a bad value (ST004).
id: the user.
set: an object of paths and their new values: a field''s name, a path into custom, teams_role or privacy_settings such as custom.address.city, or a name that is no field, which means custom.<name>.
unset: paths that go back to their default.
Returns {user, duration}, with membership_deletion_task_id when leaving a team ends memberships.';

CREATE FUNCTION stream_patch_users(patches jsonb) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_patch_users';
REVOKE ALL ON FUNCTION stream_patch_users(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION stream_patch_users(jsonb) IS
'Changes single fields of many users. All of the call happens or none of it; refused as in stream_patch_user, naming the first bad entry.
patches: {"users": [{"id": …, "set": {…}, "unset": […]}, …]}, or the bare array; set and unset as in stream_patch_user.
Returns {users: {"<id>": {…}}, duration}, with membership_deletion_task_id when leaving a team ends memberships.';

CREATE FUNCTION stream_set_push_notifications(id text, disabled boolean DEFAULT NULL, disabled_until timestamptz DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_set_push_notifications';
REVOKE ALL ON FUNCTION stream_set_push_notifications(text, boolean, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION stream_set_push_notifications(text, boolean, timestamptz) IS
'Sets whether a user is pushed to: what the user object shows as push_notifications. Without disabled and disabled_until nothing is said of it any more. Refused: an unknown user (ST016); a deleted one, disabled_until with disabled false (ST004).
id: the user.
disabled: true: no push notifications.
disabled_until: they are disabled until then; afterwards the setting has run out, and the user object no longer shows it.
Returns {user, duration}.';

CREATE FUNCTION stream_get_user(id text, include_deleted boolean DEFAULT false) RETURNS jsonb
    LANGUAGE c STABLE SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_get_user';
REVOKE ALL ON FUNCTION stream_get_user(text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION stream_get_user(text, boolean) IS
'One user with everything known of it. An unknown id is an error (ST016), and so is that of a deleted user unless it is asked for.
id: the user.
include_deleted: true also finds a deleted user.
Returns the full user, with duration among its fields.';

CREATE FUNCTION stream_get_users(ids text[], include_deleted boolean DEFAULT false) RETURNS jsonb
    LANGUAGE c STABLE SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_get_users';
REVOKE ALL ON FUNCTION stream_get_users(text[], boolean) FROM PUBLIC;
COMMENT ON FUNCTION stream_get_users(text[], boolean) IS
'Many users by id; unknown ids are left out.
ids: the users.
include_deleted: true also finds deleted users.
Returns {users: {"<id>": {…}}, duration}.';

CREATE FUNCTION stream_create_role(name text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_create_role';
REVOKE ALL ON FUNCTION stream_create_role(text) FROM PUBLIC;
COMMENT ON FUNCTION stream_create_role(text) IS
'Adds a role that users can have. Refused (ST004): a bad name, a role that exists.
name: 1 to 64 letters, digits, @, _ or -.
Returns {role: {name, custom, scopes, created_at, updated_at}, duration}.';

CREATE FUNCTION stream_list_roles() RETURNS jsonb
    LANGUAGE c STABLE SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_list_roles';
REVOKE ALL ON FUNCTION stream_list_roles() FROM PUBLIC;
COMMENT ON FUNCTION stream_list_roles() IS
'All roles, by name.
Returns {roles: [{name, custom, scopes, created_at, updated_at}, …], duration}.';

CREATE FUNCTION stream_delete_role(name text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_delete_role';
REVOKE ALL ON FUNCTION stream_delete_role(text) FROM PUBLIC;
COMMENT ON FUNCTION stream_delete_role(text) IS
'Removes a role. Refused: an unknown role (ST016), a built-in one (user, guest, anonymous, admin, moderator) and one in use, deleted users'' roles and roles in teams included (ST004).
name: the role.
Returns {duration}.';
