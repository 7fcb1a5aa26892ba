WITH source AS (
    INSERT INTO stream.users AS u (id, role, name, image, custom, teams, language, invisible)
    SELECT e ->> 'id', coalesce(e ->> 'role', 'user'), e ->> 'name', e ->> 'image', coalesce(e -> 'custom', '{}'),
           coalesce((SELECT array_agg(t) FROM jsonb_array_elements_text(e -> 'teams') AS t), '{}'),
           coalesce(e ->> 'language', ''), coalesce((e ->> 'invisible')::boolean, false)
    FROM (SELECT {request} AS e OFFSET 0) AS request
    ON CONFLICT (id) DO UPDATE
    SET role = excluded.role, name = excluded.name, image = excluded.image, custom = excluded.custom,
        teams = excluded.teams, language = excluded.language, invisible = excluded.invisible,
        updated_at = now()
    WHERE u.deleted_at IS NULL
    RETURNING *)
SELECT jsonb_build_object('duration', '0.00ms', 'membership_deletion_task_id', '',
                          'users', jsonb_object_agg(id, object)) FROM ({objects}) AS o
