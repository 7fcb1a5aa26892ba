-- What the statements beside it are made of.
CREATE SCHEMA IF NOT EXISTS peer;

-- A time as the API writes it.
CREATE FUNCTION peer.nanoseconds(t timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (date_part('epoch', t) * 1000000)::bigint * 1000
$$;

-- The users and channels that mutes show. Few users have any.
CREATE FUNCTION peer.short_user(id text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_strip_nulls(jsonb_build_object(
                   'id', u.id, 'role', u.role, 'name', u.name, 'image', u.image, 'teams', to_jsonb(u.teams),
                   'teams_role', u.teams_role, 'language', u.language, 'invisible', u.invisible,
                   'privacy_settings', u.privacy_settings, 'push_notifications', u.push_notifications,
                   'online', u.online AND u.deactivated_at IS NULL AND u.deleted_at IS NULL
                             AND coalesce(u.last_active > statement_timestamp() - interval '2 minutes', false),
                   'last_active', peer.nanoseconds(u.last_active), 'avg_response_time', u.avg_response_time,
                   'revoke_tokens_issued_before', peer.nanoseconds(u.revoke_tokens_issued_before),
                   'created_at', peer.nanoseconds(u.created_at), 'updated_at', peer.nanoseconds(u.updated_at),
                   'deactivated_at', peer.nanoseconds(u.deactivated_at),
                   'deleted_at', peer.nanoseconds(u.deleted_at),
                   'banned', coalesce(NOT b.shadow, false), 'shadow_banned', coalesce(b.shadow, false),
                   'ban_expires', peer.nanoseconds(b.expires)))
               || jsonb_build_object('custom', u.custom, 'blocked_user_ids', coalesce((
                      SELECT jsonb_agg(k.blocked_user_id ORDER BY k.blocked_user_id)
                      FROM stream.blocks AS k WHERE k.user_id = u.id), '[]'))
        FROM stream.users AS u
        LEFT JOIN stream.bans AS b ON b.target_user_id = u.id AND b.channel_cid = ''
                                  AND (b.expires IS NULL OR b.expires > statement_timestamp())
        WHERE u.id = short_user.id);
END $$;

CREATE FUNCTION peer.channel(cid text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_strip_nulls(jsonb_build_object(
                   'id', c.id, 'cid', c.cid, 'team', c.team, 'type', c.type,
                   'created_at', peer.nanoseconds(c.created_at), 'updated_at', peer.nanoseconds(c.updated_at),
                   'deleted_at', peer.nanoseconds(c.deleted_at)))
               || jsonb_build_object('custom', c.custom)
        FROM stream.channels AS c WHERE c.cid = channel.cid);
END $$;
