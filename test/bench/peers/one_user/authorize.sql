SELECT u.deleted_at IS NULL AND u.deactivated_at IS NULL AND u.revoke_tokens_issued_before IS NULL
       AND NOT EXISTS (
           SELECT FROM stream.bans AS b
           WHERE b.target_user_id = u.id AND b.channel_cid = '' AND NOT b.shadow
             AND (b.expires IS NULL OR b.expires > statement_timestamp()))
FROM stream.users AS u WHERE u.id = :id
