WITH source AS (
    SELECT * FROM stream.users
    WHERE id = :id AND deactivated_at IS NULL AND deleted_at IS NULL
    ORDER BY created_at DESC, id LIMIT 30)
SELECT jsonb_build_object('duration', '0.00ms', 'users', coalesce(jsonb_agg(object), '[]')) FROM ({objects}) AS o
