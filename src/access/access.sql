-- Coming, going, and being asked whether one may.

CREATE FUNCTION stream_connect_user(id text, token_issued_at timestamptz DEFAULT NULL) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_connect_user';
CREATE FUNCTION stream_disconnect_user(id text) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_disconnect_user';
CREATE FUNCTION stream_authorize(id text, token_issued_at timestamptz DEFAULT NULL) RETURNS boolean
    LANGUAGE c STABLE SECURITY DEFINER PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_authorize';
CREATE FUNCTION stream_revoke_tokens(ids text[], issued_before timestamptz DEFAULT now()) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_revoke_tokens';
CREATE FUNCTION stream.present_since() RETURNS timestamptz
    LANGUAGE c STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'present_since';

REVOKE ALL ON FUNCTION stream_connect_user, stream_disconnect_user, stream_authorize, stream_revoke_tokens,
    stream.present_since FROM PUBLIC;

COMMENT ON FUNCTION stream_connect_user(text, timestamptz) IS
'A user comes, or is still there: sets online and last_active. To be called again before stream_users.presence_timeout is
over, after which a user who has not been heard of is no longer online. Refused: an unknown user (ST016); a deleted,
deactivated or app-wide banned one (ST017); a token issued before the user''s tokens were revoked (ST040).
id: the user.
token_issued_at: when the token was issued that the user has shown (its iat). Null: not known, which is refused (ST040)
once tokens of the user have been revoked.
Returns {me: the full user, duration}.';

COMMENT ON FUNCTION stream_disconnect_user(text) IS
'A user goes: ends online and sets last_active. Nothing happens to one that is offline; an unknown one is refused (ST016).
id: the user.
Returns {duration}.';

COMMENT ON FUNCTION stream_authorize(text, timestamptz) IS
'Whether a user may act, for row-level security policies and for whatever else checks each request. Writes nothing, so it
does not keep a user online. Call it as (SELECT stream_authorize(…)) in a policy: once a statement instead of once a row.
id: the user.
token_issued_at: as in stream_connect_user.
Returns true, or fails as stream_connect_user does: ST016, ST017 or ST040.';

COMMENT ON FUNCTION stream_revoke_tokens(text[], timestamptz) IS
'Makes the tokens of users bad that were issued before a time; who is online stays so until the next connect. Refused: an
unknown user (ST016), an empty list, a user named twice (ST004).
ids: the users.
issued_before: tokens issued earlier are refused from now on; null: all are good again.
Returns {duration}.';

COMMENT ON FUNCTION stream.present_since() IS
'Users last seen after this are online if they have not disconnected: the time of the statement less
stream_users.presence_timeout, or -infinity without such a time. For stream_query_users.';
