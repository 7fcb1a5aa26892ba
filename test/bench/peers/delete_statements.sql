-- Deletions by plain statements, to be called in one transaction. The key of a message is (cid, id), and
-- what hangs on it is found through the messages of the users, which messages_user leads to.

-- The users' messages with what hangs on them.
CREATE OR REPLACE PROCEDURE peer.delete_messages(ids text[])
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM stream.reactions AS r USING stream.messages AS m
    WHERE m.user_id = ANY (ids) AND r.cid = m.cid AND r.message_id = m.id;
    DELETE FROM stream.flags AS f USING stream.messages AS m
    WHERE m.user_id = ANY (ids) AND f.entity_type = 'message' AND f.entity_id = m.id;
    DELETE FROM stream.messages WHERE user_id = ANY (ids);
END $$;

-- The users with everything of theirs in a chat: conversations with all that is in them, messages with what
-- hangs on them, reactions, reads, flags, memberships. Channels go to a new owner, pins and mentions are
-- cleared. The tables of the other products are left out.
CREATE OR REPLACE PROCEDURE peer.delete_users(ids text[], new_owner text)
LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE conversations ON COMMIT DROP AS
    SELECT m.cid FROM stream.channel_members AS m
    WHERE m.deleted_at IS NULL
      AND m.cid IN (SELECT cid FROM stream.channel_members WHERE user_id = ANY (ids) AND deleted_at IS NULL)
    GROUP BY m.cid HAVING count(*) = 2;
    CREATE TEMP TABLE going ON COMMIT DROP AS
    SELECT cid, id FROM stream.messages WHERE user_id = ANY (ids)
    UNION
    SELECT cid, id FROM stream.messages JOIN conversations USING (cid);
    ANALYZE conversations;
    ANALYZE going;

    DELETE FROM stream.reactions AS r USING going AS g WHERE r.cid = g.cid AND r.message_id = g.id;
    DELETE FROM stream.flags AS f USING going AS g WHERE f.entity_type = 'message' AND f.entity_id = g.id;
    DELETE FROM stream.messages AS m USING going AS g WHERE m.cid = g.cid AND m.id = g.id;
    DELETE FROM stream.reads AS r USING conversations AS c WHERE r.cid = c.cid;
    DELETE FROM stream.channel_members AS m USING conversations AS c WHERE m.cid = c.cid;
    DELETE FROM stream.channels AS h USING conversations AS c WHERE h.cid = c.cid;

    DELETE FROM stream.reactions WHERE user_id = ANY (ids);
    DELETE FROM stream.reads WHERE user_id = ANY (ids);
    DELETE FROM stream.flags WHERE user_id = ANY (ids) OR entity_type = 'user' AND entity_id = ANY (ids);
    DELETE FROM stream.channel_members WHERE user_id = ANY (ids);
    UPDATE stream.channels SET created_by_id = new_owner WHERE created_by_id = ANY (ids);
    UPDATE stream.messages SET pinned_by_id = NULL WHERE pinned_by_id = ANY (ids);
    UPDATE stream.messages AS m
    SET mentioned_user_ids = ARRAY(SELECT u FROM unnest(m.mentioned_user_ids) AS u WHERE u <> ALL (ids))
    WHERE mentioned_user_ids && ids AND mentioned_user_ids <> '{}';
    DELETE FROM stream.users WHERE id = ANY (ids);
END $$;
