-- The usual deletion in chunks: a table after another, LIMIT, COMMIT, and again until nothing is left.

CREATE OR REPLACE PROCEDURE peer.delete_messages_in_chunks(ids text[], chunk int DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
BEGIN
    LOOP
        DELETE FROM stream.reactions WHERE (cid, message_id, user_id, type) IN (
            SELECT r.cid, r.message_id, r.user_id, r.type
            FROM stream.messages AS m JOIN stream.reactions AS r ON r.cid = m.cid AND r.message_id = m.id
            WHERE m.user_id = ANY (ids) LIMIT chunk);
        GET DIAGNOSTICS gone = ROW_COUNT;
        COMMIT;
        EXIT WHEN gone = 0;
    END LOOP;
    LOOP
        DELETE FROM stream.flags WHERE id IN (
            SELECT f.id
            FROM stream.messages AS m JOIN stream.flags AS f ON f.entity_type = 'message' AND f.entity_id = m.id
            WHERE m.user_id = ANY (ids) LIMIT chunk);
        GET DIAGNOSTICS gone = ROW_COUNT;
        COMMIT;
        EXIT WHEN gone = 0;
    END LOOP;
    LOOP
        DELETE FROM stream.messages WHERE (cid, id) IN (
            SELECT cid, id FROM stream.messages WHERE user_id = ANY (ids) LIMIT chunk);
        GET DIAGNOSTICS gone = ROW_COUNT;
        COMMIT;
        EXIT WHEN gone = 0;
    END LOOP;
END $$;

-- The same by row address, with what hangs on the messages in the statement that deletes them: a table of
-- messages is walked once a chunk.
CREATE OR REPLACE PROCEDURE peer.delete_messages_in_chunks_by_ctid(ids text[], chunk int DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
BEGIN
    LOOP
        WITH m AS (
            DELETE FROM stream.messages WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM stream.messages WHERE user_id = ANY (ids) LIMIT chunk))
            RETURNING cid, id
        ), r AS (
            DELETE FROM stream.reactions AS r USING m WHERE r.cid = m.cid AND r.message_id = m.id
        ), f AS (
            DELETE FROM stream.flags AS f USING m WHERE f.entity_type = 'message' AND f.entity_id = m.id
        )
        SELECT count(*) INTO gone FROM m;
        COMMIT;
        EXIT WHEN gone = 0;
    END LOOP;
END $$;
