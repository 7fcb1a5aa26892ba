-- Holds what is there at this :moment ('deleted' or 'restored') against what has to be there, worked out
-- from the rows as they were and from each person's fate, and not from anything the extension says.

CREATE TEMPORARY TABLE due AS
SELECT CASE :'moment' WHEN 'restored' THEN 'live' ELSE 'marked' END AS soft;

-- Rows that belong to a person: what becomes of them by that person's fate.
CREATE TEMPORARY TABLE authored AS
SELECT fate, 'gone' AS state FROM (VALUES ('hard')) AS hard (fate)
UNION ALL SELECT 'pruning', 'emptied'
UNION ALL SELECT 'deactivated', 'marked'
UNION ALL SELECT 'soft', soft FROM due;

CREATE TEMPORARY TABLE message_due AS
SELECT cid,
       id,
       CASE WHEN conversation.cid IS NOT NULL THEN 'gone' ELSE coalesce(authored.state, 'live') END AS state
FROM debian.messages_before
LEFT JOIN debian.fate USING (user_id)
LEFT JOIN authored USING (fate)
LEFT JOIN debian.conversation USING (cid);

ALTER TABLE message_due ADD PRIMARY KEY (cid, id);
ANALYZE message_due;

CREATE TEMPORARY TABLE erased AS SELECT array_agg(user_id) AS ids FROM debian.fate WHERE fate = 'hard';

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'users are live, deactivated, marked, emptied or gone as ordered', count(*)
FROM debian.user_now
LEFT JOIN debian.fate ON fate.user_id = user_now.id
LEFT JOIN authored USING (fate)
WHERE user_now.state <> CASE WHEN fate = 'deactivated' THEN fate ELSE coalesce(authored.state, 'live') END;

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'users that are live are as they were before', count(*)
FROM debian.users_before AS before
JOIN debian.user_now USING (id)
JOIN stream.users AS now USING (id)
-- Workers that have nothing else to do work out avg_response_time.
WHERE state = 'live'
  AND to_jsonb(now) - '{updated_at,avg_response_time}'::text[] <> to_jsonb(before) - '{updated_at,avg_response_time}'::text[];

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'messages are live, marked, emptied or gone as ordered', count(*)
FROM message_due
JOIN debian.message_now USING (cid, id)
WHERE message_now.state <> message_due.state;

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'other messages kept their content, save what pointed to the erased', count(*)
FROM message_due
JOIN debian.messages_before AS before USING (cid, id)
JOIN stream.messages AS now USING (cid, id)
LEFT JOIN message_due AS parent ON (parent.cid, parent.id) = (before.cid, before.parent_id)
CROSS JOIN erased
WHERE message_due.state IN ('live', 'marked')
  AND (now.user_id, now.text, now.mentioned_user_ids, now.parent_id) IS DISTINCT FROM
      (before.user_id,
       before.text,
       ARRAY(SELECT id FROM unnest(before.mentioned_user_ids) WITH ORDINALITY AS mention (id, place)
             WHERE id <> ALL (ids) ORDER BY place),
       CASE WHEN parent.state <> 'gone' THEN before.parent_id END);

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'emptied messages mention nobody', count(*)
FROM message_due
JOIN stream.messages AS now USING (cid, id)
WHERE message_due.state = 'emptied' AND cardinality(now.mentioned_user_ids) > 0;

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'reactions went with the erased and with emptied messages, no others', count(*)
FROM debian.reaction_now
JOIN message_due ON (message_due.cid, message_due.id) = (reaction_now.cid, reaction_now.message_id)
LEFT JOIN debian.fate USING (user_id)
WHERE reaction_now.state <>
      CASE WHEN fate.fate = 'hard' OR message_due.state IN ('gone', 'emptied') THEN 'gone' ELSE 'live' END;

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'memberships went with the erased, no others', count(*)
FROM debian.channel_member_now
LEFT JOIN debian.fate USING (user_id)
LEFT JOIN debian.conversation USING (cid)
WHERE channel_member_now.state <>
      CASE WHEN fate.fate = 'hard' OR conversation.cid IS NOT NULL THEN 'gone' ELSE 'live' END;

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'conversations of the deleted were marked or went, no other channel', count(*)
FROM debian.channel_now
LEFT JOIN debian.conversation USING (cid)
LEFT JOIN debian.soft_conversation USING (cid)
CROSS JOIN due
WHERE channel_now.state <>
      CASE
          WHEN conversation.cid IS NOT NULL THEN 'gone'
          WHEN soft_conversation.cid IS NOT NULL THEN due.soft
          ELSE 'live'
      END;

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'the other channels of the erased have the new owner', count(*)
FROM debian.channel_now
LEFT JOIN debian.fate ON fate.user_id = owner_before
WHERE channel_now.state <> 'gone'
  AND owner IS DISTINCT FROM CASE WHEN fate = 'hard' THEN :'heir' ELSE owner_before END;

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'feed activities are live, marked, emptied or gone as ordered', count(*)
FROM debian.activity_now
LEFT JOIN debian.fate USING (user_id)
LEFT JOIN authored USING (fate)
WHERE fate IS DISTINCT FROM 'deactivated' AND activity_now.state <> coalesce(authored.state, 'live');

-- No column of any table may still name somebody who was deleted hard, alone or in a feed's key. The
-- tasks' own records of what they were asked to do don't count. In the log of events only the one event
-- may that tells followers whom to erase too.
CREATE TEMPORARY TABLE trace (place text, n bigint);

DO $$
DECLARE
    forbidden text[] := (SELECT ids || ARRAY(SELECT 'user:' || id FROM unnest(ids) AS id) FROM erased);
    col record;
BEGIN
    FOR col IN
        SELECT attrelid::regclass AS relation, attname, atttypid = 'text[]'::regtype AS is_array
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'stream'::regnamespace
          AND relkind IN ('r', 'p')
          AND relname NOT LIKE 'task%'
          AND (relname, attname) <> ('events', 'user_ids')
          AND attnum > 0
          AND atttypid IN ('text'::regtype, 'text[]'::regtype)
    LOOP
        EXECUTE format('INSERT INTO trace SELECT %L, count(*) FROM %s WHERE %I %s',
                       col.relation || '.' || col.attname, col.relation, col.attname,
                       CASE WHEN col.is_array THEN '&& $1' ELSE '= ANY ($1)' END)
        USING forbidden;
    END LOOP;
    INSERT INTO trace
    SELECT 'stream.events.user_ids', count(*) FROM stream.events WHERE user_ids && forbidden AND type <> 'user.deleted';
END
$$;

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', format('no trace of the erased in %s columns', count(*)), sum(n)
FROM trace;

-- The tasks' own counts against the rows that are missing. A row that was first marked or emptied and
-- then taken by a hard deletion is counted by both, so only what is final is compared.
INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'the tasks counted the same', count(*)
FROM (VALUES ('users', 'gone', 'stream.users', ARRAY['hard']),
             ('channels', 'gone', 'stream.channels', ARRAY['hard']),
             ('channels', 'new owner', 'stream.channels', ARRAY['transferred']),
             ('memberships', 'gone', 'stream.channel_members', ARRAY['hard']),
             ('messages', 'gone', 'stream.messages', ARRAY['hard']),
             ('reactions', 'gone', 'stream.reactions', ARRAY['hard', 'pruning']),
             ('activities', 'gone', 'stream.activities', ARRAY['hard'])) AS same (what, state, relation, modes)
LEFT JOIN debian.tally USING (what, state)
CROSS JOIN LATERAL (
    SELECT sum(rows::bigint) AS counted
    FROM stream.task_progress,
         LATERAL jsonb_each_text(stream_get_task(task_id) #> ARRAY['result', 'counts', relation])
             AS count (mode, rows)
    WHERE mode = ANY (modes)
) AS task
WHERE n IS DISTINCT FROM counted;

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'the dry run foresaw the counts of the hard deletion', count(*)
FROM debian.dry_run
CROSS JOIN (
    SELECT task_id
    FROM stream.task_progress
    WHERE kind = 'delete_users'
    ORDER BY created_at DESC
    LIMIT 1
) AS last
WHERE counts <> stream_get_task(task_id) #> '{result,counts}';

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'the application''s own table lost the rows of the hard-deleted and pruned, and no others', count(*)
FROM debian.subscription_before AS before
LEFT JOIN debian.fate USING (user_id)
LEFT JOIN debian.subscription AS now USING (user_id, source)
WHERE (now.user_id IS NULL) <> coalesce(fate IN ('hard', 'pruning'), false);

INSERT INTO debian.finding (moment, what, wrong)
SELECT :'moment', 'stream_verify_erasure finds nothing of the hard-deleted', count(*)
FROM debian.fate
CROSS JOIN LATERAL stream_verify_erasure(user_id)
WHERE fate = 'hard';
