-- Everything as it was, and views that say what has become of it since: each row is live, marked
-- (deleted, its content kept), emptied (deleted, its content pruned) or gone.

CREATE UNLOGGED TABLE debian.users_before AS TABLE stream.users;
CREATE UNLOGGED TABLE debian.channels_before AS TABLE stream.channels;
CREATE UNLOGGED TABLE debian.channel_members_before AS TABLE stream.channel_members;
CREATE UNLOGGED TABLE debian.messages_before AS TABLE stream.messages;
CREATE UNLOGGED TABLE debian.reactions_before AS TABLE stream.reactions;
CREATE UNLOGGED TABLE debian.activities_before AS TABLE stream.activities;

CREATE FUNCTION debian.state(is_there boolean, deleted_at timestamptz, is_empty boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN NOT is_there THEN 'gone'
        WHEN deleted_at IS NULL THEN 'live'
        WHEN is_empty THEN 'emptied'
        ELSE 'marked'
    END
$$;

CREATE VIEW debian.user_now AS
SELECT id,
       CASE
           WHEN now.deleted_at IS NULL AND now.deactivated_at IS NOT NULL THEN 'deactivated'
           ELSE debian.state(now.id IS NOT NULL, now.deleted_at, now.name IS NULL)
       END AS state
FROM debian.users_before
LEFT JOIN stream.users AS now USING (id);

CREATE VIEW debian.channel_now AS
SELECT cid,
       before.created_by_id AS owner_before,
       now.created_by_id AS owner,
       debian.state(now.cid IS NOT NULL, now.deleted_at, false) AS state
FROM debian.channels_before AS before
LEFT JOIN stream.channels AS now USING (cid);

CREATE VIEW debian.channel_member_now AS
SELECT cid, user_id, debian.state(now.cid IS NOT NULL, now.deleted_at, false) AS state
FROM debian.channel_members_before
LEFT JOIN stream.channel_members AS now USING (cid, user_id);

CREATE VIEW debian.message_now AS
SELECT cid,
       id,
       before.user_id,
       debian.state(now.id IS NOT NULL, now.deleted_at, coalesce(now.text, '') = '') AS state
FROM debian.messages_before AS before
LEFT JOIN stream.messages AS now USING (cid, id);

CREATE VIEW debian.reaction_now AS
SELECT cid, message_id, user_id, type, debian.state(now.cid IS NOT NULL, NULL, false) AS state
FROM debian.reactions_before
LEFT JOIN stream.reactions AS now USING (cid, message_id, user_id, type);

CREATE VIEW debian.activity_now AS
SELECT id,
       before.user_id,
       debian.state(now.id IS NOT NULL, now.deleted_at, coalesce(now.text, '') = '') AS state
FROM debian.activities_before AS before
LEFT JOIN stream.activities AS now USING (id);

CREATE VIEW debian.tally AS
SELECT 'users' AS what, state, count(*) AS n FROM debian.user_now GROUP BY state
UNION ALL
SELECT 'channels', state, count(*) FROM debian.channel_now GROUP BY state
UNION ALL
SELECT 'channels', 'new owner', count(*) FROM debian.channel_now WHERE owner <> owner_before
UNION ALL
SELECT 'memberships', state, count(*) FROM debian.channel_member_now GROUP BY state
UNION ALL
SELECT 'messages', state, count(*) FROM debian.message_now GROUP BY state
UNION ALL
SELECT 'reactions', state, count(*) FROM debian.reaction_now GROUP BY state
UNION ALL
SELECT 'activities', state, count(*) FROM debian.activity_now GROUP BY state;

-- Channels with exactly two members, one of them about to be deleted hard: conversations, which go whole.
CREATE UNLOGGED TABLE debian.conversation AS
SELECT cid
FROM stream.channel_members
LEFT JOIN debian.fate USING (user_id)
GROUP BY cid
HAVING count(*) = 2 AND bool_or(fate = 'hard');

ALTER TABLE debian.conversation ADD PRIMARY KEY (cid);

-- The same for the soft way, which marks them.
CREATE UNLOGGED TABLE debian.soft_conversation AS
SELECT cid
FROM stream.channel_members
LEFT JOIN debian.fate USING (user_id)
GROUP BY cid
HAVING count(*) = 2 AND bool_or(fate = 'soft');

ALTER TABLE debian.soft_conversation ADD PRIMARY KEY (cid);

CREATE UNLOGGED TABLE debian.count (moment text, what text, state text, n bigint);
CREATE UNLOGGED TABLE debian.finding (
    moment text, number int GENERATED ALWAYS AS IDENTITY, what text, wrong bigint);
