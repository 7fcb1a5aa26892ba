WITH source AS (
    UPDATE stream.users SET custom = jsonb_set(custom, '{score}', to_jsonb(:score::int)), updated_at = now()
    WHERE id = :id AND deleted_at IS NULL
    RETURNING *)
SELECT jsonb_build_object('duration', '0.00ms', 'user', object) FROM ({objects}) AS o
