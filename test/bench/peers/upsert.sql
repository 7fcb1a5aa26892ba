-- Hand-written upserts into stream.users itself: the same table and indexes, none of the checks.
-- They answer with the API's user objects, and leave out what other tables say of a user: its
-- devices, mutes, bans and counters are constants, which favours them.

CREATE SCHEMA IF NOT EXISTS peer;

-- What both do: one INSERT … SELECT from the jsonb, with ON CONFLICT. Returns the rows written.
CREATE OR REPLACE FUNCTION peer.upsert(request jsonb) RETURNS SETOF stream.users LANGUAGE sql AS $$
    INSERT INTO stream.users AS u (id, role, name, image, custom, teams, language, invisible)
    SELECT e ->> 'id', coalesce(e ->> 'role', 'user'), e ->> 'name', e ->> 'image',
           coalesce(e -> 'custom', '{}'),
           coalesce((SELECT array_agg(t) FROM jsonb_array_elements_text(e -> 'teams') AS t), '{}'),
           coalesce(e ->> 'language', ''), coalesce((e ->> 'invisible')::boolean, false)
    FROM jsonb_array_elements(request) AS e
    ON CONFLICT (id) DO UPDATE
    SET role = excluded.role, name = excluded.name, image = excluded.image, custom = excluded.custom,
        teams = excluded.teams, language = excluded.language, invisible = excluded.invisible,
        updated_at = now()
    RETURNING u.*
$$;

-- (a) The response as jsonb.
CREATE OR REPLACE FUNCTION peer.upsert_jsonb(request jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'duration', '0.00ms',
        'membership_deletion_task_id', '',
        'users', jsonb_object_agg(u.id, jsonb_strip_nulls(jsonb_build_object(
            'id', u.id, 'role', u.role, 'name', u.name, 'image', u.image, 'custom', u.custom,
            'teams', to_jsonb(u.teams), 'teams_role', u.teams_role, 'language', u.language,
            'invisible', u.invisible, 'online', u.online, 'last_active', u.last_active,
            'privacy_settings', u.privacy_settings, 'push_notifications', u.push_notifications,
            'avg_response_time', u.avg_response_time,
            'revoke_tokens_issued_before', u.revoke_tokens_issued_before,
            'created_at', u.created_at, 'updated_at', u.updated_at,
            'deactivated_at', u.deactivated_at, 'deleted_at', u.deleted_at, 'banned', false)
            || '{"blocked_user_ids": [], "shadow_banned": false, "devices": [], "mutes": [],
                 "channel_mutes": [], "total_unread_count": 0, "unread_channels": 0,
                 "unread_count": 0, "unread_threads": 0}')))
    FROM peer.upsert(request) AS u
$$;

-- (a') The response as json, which is text: building it is cheaper, and so is less done with it.
CREATE OR REPLACE FUNCTION peer.upsert_json(request jsonb) RETURNS json LANGUAGE sql AS $$
    SELECT json_build_object(
        'duration', '0.00ms',
        'membership_deletion_task_id', '',
        'users', json_object_agg(u.id, json_build_object(
            'id', u.id, 'role', u.role, 'name', u.name, 'image', u.image, 'custom', u.custom,
            'teams', to_json(u.teams), 'teams_role', u.teams_role, 'language', u.language,
            'invisible', u.invisible, 'online', u.online, 'last_active', u.last_active,
            'privacy_settings', u.privacy_settings, 'push_notifications', u.push_notifications,
            'avg_response_time', u.avg_response_time,
            'revoke_tokens_issued_before', u.revoke_tokens_issued_before,
            'created_at', u.created_at, 'updated_at', u.updated_at,
            'deactivated_at', u.deactivated_at, 'deleted_at', u.deleted_at,
            'banned', false, 'blocked_user_ids', '[]'::json, 'shadow_banned', false,
            'devices', '[]'::json, 'mutes', '[]'::json, 'channel_mutes', '[]'::json,
            'total_unread_count', 0, 'unread_channels', 0, 'unread_count', 0, 'unread_threads', 0)))
    FROM peer.upsert(request) AS u
$$;
