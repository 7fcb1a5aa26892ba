-- The users in `source` as the API's objects, with what other tables say of them. To be put into the
-- statements beside it, behind a WITH that says what source is.
SELECT u.id,
       jsonb_strip_nulls(jsonb_build_object(
           'id', u.id, 'role', u.role, 'name', u.name, 'image', u.image, 'teams', to_jsonb(u.teams),
           'teams_role', u.teams_role, 'language', u.language, 'invisible', u.invisible,
           'privacy_settings', u.privacy_settings,
           'push_notifications', CASE WHEN (u.push_notifications ->> 'disabled_until')::bigint
                                           <= peer.nanoseconds(statement_timestamp()) THEN NULL
                                      ELSE u.push_notifications END,
           'online', u.online AND u.deactivated_at IS NULL AND u.deleted_at IS NULL
                     AND coalesce(u.last_active > statement_timestamp() - interval '2 minutes', false),
           'last_active', peer.nanoseconds(u.last_active),
           'avg_response_time', u.avg_response_time,
           'revoke_tokens_issued_before', peer.nanoseconds(u.revoke_tokens_issued_before),
           'created_at', peer.nanoseconds(u.created_at), 'updated_at', peer.nanoseconds(u.updated_at),
           'deactivated_at', peer.nanoseconds(u.deactivated_at), 'deleted_at', peer.nanoseconds(u.deleted_at),
           'banned', coalesce(NOT b.shadow, false), 'shadow_banned', coalesce(b.shadow, false),
           'ban_expires', peer.nanoseconds(b.expires),
           'blocked_user_ids', coalesce((
               SELECT jsonb_agg(k.blocked_user_id ORDER BY k.blocked_user_id)
               FROM stream.blocks AS k WHERE k.user_id = u.id), '[]'),
           'devices', coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                          'id', d.id, 'user_id', d.user_id, 'push_provider', d.push_provider,
                          'push_provider_name', d.push_provider_name, 'disabled', d.disabled,
                          'disabled_reason', d.disabled_reason, 'voip', d.voip, 'hardware_id', d.hardware_id,
                          'created_at', peer.nanoseconds(d.created_at)) ORDER BY d.created_at, d.id)
               FROM stream.devices AS d WHERE d.user_id = u.id), '[]'),
           'unread_count', coalesce(n.messages, 0), 'total_unread_count', coalesce(n.messages, 0),
           'unread_channels', coalesce(n.channels, 0), 'unread_threads', coalesce(n.threads, 0)))
       || jsonb_build_object(
           'custom', u.custom,
           'mutes', coalesce((
               SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                          'expires', peer.nanoseconds(m.expires), 'created_at', peer.nanoseconds(m.created_at),
                          'updated_at', peer.nanoseconds(m.updated_at)))
                      || jsonb_build_object('user', peer.short_user(m.user_id),
                                            'target', peer.short_user(m.target_id))
                      ORDER BY m.created_at, m.target_id)
               FROM stream.user_mutes AS m
               WHERE m.user_id = u.id AND (m.expires IS NULL OR m.expires > statement_timestamp())), '[]'),
           'channel_mutes', coalesce((
               SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                          'expires', peer.nanoseconds(m.expires), 'created_at', peer.nanoseconds(m.created_at),
                          'updated_at', peer.nanoseconds(m.updated_at)))
                      || jsonb_build_object('user', peer.short_user(m.user_id),
                                            'channel', peer.channel(m.channel_cid))
                      ORDER BY m.created_at, m.channel_cid)
               FROM stream.channel_mutes AS m
               WHERE m.user_id = u.id AND (m.expires IS NULL OR m.expires > statement_timestamp())), '[]'))
       AS object
FROM source AS u
LEFT JOIN stream.bans AS b ON b.target_user_id = u.id AND b.channel_cid = ''
                          AND (b.expires IS NULL OR b.expires > statement_timestamp())
LEFT JOIN LATERAL (
    -- Unread: what others have written in a channel since the user read it, unless the application counts.
    -- A thread counts when the user began it or answered in it.
    SELECT sum(coalesce(r.unread_messages, m.messages)) AS messages,
           count(*) FILTER (WHERE coalesce(r.unread_messages, m.messages) > 0) AS channels,
           sum(m.threads) AS threads
    FROM stream.reads AS r
    LEFT JOIN stream.channels AS c ON c.cid = r.cid
    LEFT JOIN stream.channel_members AS h ON h.cid = r.cid AND h.user_id = r.user_id AND h.deleted_at IS NULL
    LEFT JOIN stream.channel_mutes AS x ON x.user_id = r.user_id AND x.channel_cid = r.cid
                                       AND (x.expires IS NULL OR x.expires > statement_timestamp())
    CROSS JOIN LATERAL (
        SELECT count(*) AS messages,
               count(DISTINCT s.parent_id) FILTER (WHERE EXISTS (
                   SELECT FROM stream.messages AS o
                   WHERE o.cid = r.cid AND (o.id = s.parent_id OR o.parent_id = s.parent_id)
                     AND o.user_id = r.user_id AND o.deleted_at IS NULL)) AS threads
        FROM stream.messages AS s
        WHERE s.cid = r.cid AND s.created_at > r.last_read AND s.deleted_at IS NULL
          AND s.user_id IS DISTINCT FROM r.user_id AND h.user_id IS NOT NULL AND x.user_id IS NULL) AS m
    WHERE r.user_id = u.id AND c.deleted_at IS NULL) AS n ON true
