WITH source AS (SELECT * FROM stream.users WHERE id = :id AND deleted_at IS NULL)
SELECT object || '{"duration": "0.00ms"}' FROM ({objects}) AS o
