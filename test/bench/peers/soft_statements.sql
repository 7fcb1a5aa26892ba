-- Messages marked deleted: by one plain UPDATE, and by the usual loop of chunks.

CREATE OR REPLACE PROCEDURE peer.mark_messages(ids text[], task uuid) LANGUAGE sql AS $$
    UPDATE stream.messages SET deleted_at = now(), deleted_by_task = task
    WHERE user_id = ANY (ids) AND deleted_at IS NULL
$$;

CREATE OR REPLACE PROCEDURE peer.mark_messages_in_chunks(ids text[], task uuid, chunk int DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
    marked bigint;
BEGIN
    LOOP
        UPDATE stream.messages SET deleted_at = now(), deleted_by_task = task
        WHERE (cid, id) IN (
            SELECT cid, id FROM stream.messages WHERE user_id = ANY (ids) AND deleted_at IS NULL LIMIT chunk);
        GET DIAGNOSTICS marked = ROW_COUNT;
        COMMIT;
        EXIT WHEN marked = 0;
    END LOOP;
END $$;

-- The same by row address.
CREATE OR REPLACE PROCEDURE peer.mark_messages_in_chunks_by_ctid(ids text[], task uuid, chunk int DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
    marked bigint;
BEGIN
    LOOP
        UPDATE stream.messages SET deleted_at = now(), deleted_by_task = task
        WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM stream.messages WHERE user_id = ANY (ids) AND deleted_at IS NULL LIMIT chunk));
        GET DIAGNOSTICS marked = ROW_COUNT;
        COMMIT;
        EXIT WHEN marked = 0;
    END LOOP;
END $$;
