-- A small world for the suites on a user's life, to be included by \ir inside a test's transaction.
--
-- ann and ben are the users things happen to; cat, dan and eve are the others, whose data must stay;
-- nora takes over what is transferred. ann has deactivated idle. Rows also name zoe, whom
-- stream.users doesn't know. Everything dates from January 2024, except what the application had
-- deleted by itself in February: a time of today means that a call or a task wrote the row.
SET LOCAL stream_users.guard_writes = off;
SET LOCAL timezone = 'UTC';

INSERT INTO stream.users (id, role, name, image, custom, teams, teams_role, language, invisible, privacy_settings,
                          push_notifications, online, last_active, avg_response_time,
                          revoke_tokens_issued_before, created_at, updated_at)
SELECT id, 'user', initcap(id), 'http://img/' || id, '{"city": "Rome"}', '{red}', '{"red": "moderator"}', 'it', true,
       '{"read_receipts": {"enabled": false}}', '{"disabled": true}', true, '2024-01-01', 7, '2024-01-01',
       '2024-01-01', '2024-01-01'
  FROM unnest('{ann,ben,cat,dan,eve,nora}'::text[]) AS id;
INSERT INTO stream.users (id, name, created_at, updated_at, deactivated_at, deactivated_by_id)
VALUES ('idle', 'Idle', '2024-01-01', '2024-01-01', '2024-01-01', 'ann');

-- Chat. A conversation is a channel with exactly two members who have not left.
INSERT INTO stream.channels (cid, created_by_id, custom, created_at, updated_at, deleted_at)
SELECT cid, owner, '{"topic": "x"}', '2024-01-01', '2024-01-01', deleted_at::timestamptz
  FROM (VALUES ('dm:ann-ben', 'ann', NULL), ('dm:ann-cat', 'cat', NULL), ('dm:ben-cat', 'ben', NULL),
               ('dm:ann-dan', 'ann', '2024-02-02'),  -- deleted by the application
               ('dm:cat-dan', 'ann', NULL),          -- owned by ann, who is not a member
               ('dm:ann-zoe', 'zoe', NULL),
               ('team:trio', 'ann', NULL), ('team:bcd', 'dan', NULL),
               ('team:duo', 'dan', NULL),            -- three memberships, of which one has ended
               ('team:left', 'ann', NULL),           -- ann has left, two others are still there
               ('team:solo', 'ann', NULL), ('team:empty', 'ben', NULL)) AS c (cid, owner, deleted_at);
INSERT INTO stream.channel_members (cid, user_id, created_at, updated_at, deleted_at)
SELECT cid, user_id, '2024-01-01', '2024-01-01', deleted_at::timestamptz
  FROM (VALUES ('dm:ann-ben', 'ann', NULL), ('dm:ann-ben', 'ben', NULL), ('dm:ann-cat', 'ann', NULL),
               ('dm:ann-cat', 'cat', NULL), ('dm:ben-cat', 'ben', NULL), ('dm:ben-cat', 'cat', NULL),
               ('dm:ann-dan', 'ann', NULL), ('dm:ann-dan', 'dan', NULL), ('dm:cat-dan', 'cat', NULL),
               ('dm:cat-dan', 'dan', NULL), ('dm:ann-zoe', 'ann', NULL), ('dm:ann-zoe', 'zoe', NULL),
               ('team:trio', 'ann', NULL), ('team:trio', 'ben', NULL), ('team:trio', 'cat', NULL),
               ('team:bcd', 'ben', NULL), ('team:bcd', 'cat', NULL), ('team:bcd', 'dan', NULL),
               ('team:duo', 'ann', NULL), ('team:duo', 'cat', NULL), ('team:duo', 'dan', '2024-02-02'),
               ('team:left', 'ann', '2024-02-02'), ('team:left', 'cat', NULL), ('team:left', 'dan', NULL),
               ('team:solo', 'ann', NULL)) AS m (cid, user_id, deleted_at);
-- The id of a message begins with its channel: every id is there only once.
INSERT INTO stream.messages (cid, id, user_id, text, attachments, mentioned_user_ids, parent_id, quoted_message_id,
                             pinned_by_id, custom, created_at, updated_at, deleted_at)
SELECT cid, id, user_id, 'says ' || id, jsonb_build_array(jsonb_build_object('type', 'image', 'image_url', 'http://file/' || id)),
       mentioned, parent_id, quoted, pinned_by, '{"mood": "fine"}', '2024-01-01', '2024-01-01', deleted_at::timestamptz
  FROM (VALUES ('dm:ann-ben', 'ab1', 'ann', '{}'::text[], NULL, NULL, NULL, NULL),
               ('dm:ann-ben', 'ab2', 'ben', '{ann}', 'ab1', 'ab1', 'ann', NULL),
               ('dm:ann-ben', 'ab3', 'ann', '{ben}', NULL, 'ab2', NULL, '2024-02-02'),
               ('dm:ann-cat', 'ac1', 'ann', '{cat}', NULL, NULL, 'cat', NULL),
               ('dm:ann-cat', 'ac2', 'cat', '{ann,ben}', 'ac1', NULL, 'ann', NULL),
               ('dm:ben-cat', 'bc1', 'ben', '{ann}', NULL, NULL, NULL, NULL),
               ('dm:ben-cat', 'bc2', 'cat', '{}', NULL, 'bc1', 'ben', NULL),
               ('dm:ann-dan', 'ad1', 'ann', '{}', NULL, NULL, NULL, NULL),
               ('dm:ann-dan', 'ad2', 'dan', '{ann}', 'ad1', NULL, NULL, '2024-02-02'),
               ('dm:cat-dan', 'cd1', 'cat', '{dan,ann,ben}', NULL, NULL, 'ben', NULL),
               ('dm:cat-dan', 'cd2', 'dan', '{cat}', 'cd1', 'cd1', 'cat', NULL),
               ('dm:ann-zoe', 'az1', 'zoe', '{zoe}', NULL, NULL, 'zoe', NULL),
               ('team:trio', 'tr1', 'ann', '{ben}', NULL, NULL, 'ben', NULL),
               ('team:trio', 'tr2', 'ben', '{ann,cat}', 'tr1', NULL, NULL, NULL),
               ('team:trio', 'tr3', 'cat', '{}', 'tr1', 'tr2', 'ann', NULL),
               ('team:trio', 'tr4', 'cat', '{ann,dan,ben}', NULL, 'tr3', NULL, NULL),
               ('team:trio', 'tr5', 'ann', '{ann}', 'tr4', 'tr1', 'ann', NULL),
               ('team:trio', 'tr6', 'dan', '{}', NULL, 'tr5', NULL, NULL),
               ('team:trio', 'tr7', 'ann', '{}', NULL, NULL, NULL, '2024-02-02'),
               ('team:trio', 'tr8', NULL, '{ann}', NULL, NULL, NULL, NULL),
               ('team:bcd', 'bd1', 'dan', '{}', NULL, NULL, NULL, NULL),
               ('team:bcd', 'bd2', 'ben', '{cat}', 'bd1', NULL, 'ben', NULL),
               ('team:bcd', 'bd3', 'cat', '{}', 'bd2', 'bd2', NULL, NULL),
               ('team:duo', 'du1', 'cat', '{}', NULL, NULL, NULL, NULL),
               ('team:duo', 'du2', 'dan', '{ann}', 'du1', NULL, NULL, NULL),
               ('team:left', 'le1', 'ann', '{}', NULL, NULL, NULL, NULL),
               ('team:left', 'le2', 'dan', '{ann}', 'le1', 'le1', 'ann', NULL),
               ('team:solo', 'so1', 'ann', '{}', NULL, NULL, NULL, NULL),
               ('team:nowhere', 'no1', 'ann', '{zoe}', NULL, NULL, NULL, NULL) -- of a channel that is not there
       ) AS m (cid, id, user_id, mentioned, parent_id, quoted, pinned_by, deleted_at);
INSERT INTO stream.reactions (cid, message_id, user_id, type, created_at)
SELECT cid, id, u, type, '2024-01-01'
  FROM stream.messages, (VALUES ('ann', 'like'), ('ann', 'love'), ('ben', 'like'), ('dan', 'sad')) AS r (u, type);
INSERT INTO stream.reactions (cid, message_id, user_id, type, created_at)
VALUES ('team:nowhere', 'lost', 'ann', 'like', '2024-01-01'), ('team:nowhere', 'lost', 'cat', 'like', '2024-01-01');
INSERT INTO stream.reads (cid, user_id, last_read, unread_messages)
SELECT cid, user_id, '2024-01-01', 2 FROM stream.channel_members;
INSERT INTO stream.reads (cid, user_id, last_read) VALUES ('team:trio', 'dan', '2024-01-01');

-- Feeds. Each activity is commented by all; ben answers the first comment, ann answers ben.
INSERT INTO stream.feeds (fid, created_by_id, created_at, updated_at, deleted_at)
SELECT fid, owner, '2024-01-01', '2024-01-01', deleted_at::timestamptz
  FROM (VALUES ('user:ann_wall', 'ann', NULL), ('timeline:ann_home', 'ann', NULL), ('user:ann_old', 'ann', '2024-02-02'),
               ('user:ben_wall', 'ben', NULL), ('user:cat_wall', 'cat', NULL), ('timeline:cat_home', 'cat', NULL),
               ('user:dan_wall', 'dan', NULL)) AS f (fid, owner, deleted_at);
INSERT INTO stream.activities (id, fid, user_id, type, text, attachments, mentioned_user_ids, custom, created_at,
                               updated_at, deleted_at)
SELECT id, fid, user_id, 'post', 'posts ' || id, jsonb_build_array(jsonb_build_object('type', 'file', 'asset_url', 'http://file/' || id)),
       mentioned, '{"mood": "fine"}', '2024-01-01', '2024-01-01', deleted_at::timestamptz
  FROM (VALUES ('p1', 'user:ann_wall', 'ann', '{cat}'::text[], NULL), ('p2', 'user:ann_wall', 'cat', '{ann}', NULL),
               ('p3', 'user:ann_wall', 'ann', '{}', '2024-02-02'), ('p4', 'user:cat_wall', 'ann', '{}', NULL),
               ('p5', 'user:cat_wall', 'cat', '{ann,dan,ben}', NULL), ('p6', 'user:cat_wall', 'dan', '{}', NULL),
               ('p7', 'user:ben_wall', 'ben', '{ann}', NULL), ('p8', 'user:ben_wall', 'dan', '{ben}', NULL),
               ('p9', NULL, 'ann', '{}', NULL), ('p10', 'user:dan_wall', 'zoe', '{zoe}', NULL)
       ) AS a (id, fid, user_id, mentioned, deleted_at);
INSERT INTO stream.comments (id, activity_id, user_id, text, parent_id, created_at, updated_at)
SELECT a.id || c.id, a.id, c.user_id, 'answers', a.id || parent, '2024-01-01', '2024-01-01'
  FROM stream.activities AS a,
       (VALUES ('-c1', 'cat', NULL), ('-c2', 'ben', '-c1'), ('-c3', 'ann', '-c2'), ('-c4', 'dan', '-c3'),
               ('-c5', 'ann', NULL)) AS c (id, user_id, parent);
UPDATE stream.comments SET deleted_at = '2024-02-02' WHERE id = 'p6-c5';
INSERT INTO stream.feed_reactions (activity_id, comment_id, user_id, type, created_at)
SELECT id, '', u, 'like', timestamptz '2024-01-01' FROM stream.activities, unnest('{ann,ben,dan}'::text[]) AS u
UNION ALL
SELECT activity_id, id, u, 'like', '2024-01-01' FROM stream.comments, unnest('{ann,dan}'::text[]) AS u;
INSERT INTO stream.follows (source_fid, target_fid, created_at)
SELECT source, target, '2024-01-01'
  FROM (VALUES ('timeline:ann_home', 'user:cat_wall'), ('timeline:cat_home', 'user:ann_wall'),
               ('timeline:cat_home', 'user:dan_wall'), ('timeline:cat_home', 'user:ben_wall')) AS f (source, target);
INSERT INTO stream.bookmarks (user_id, activity_id, created_at)
SELECT u, id, '2024-01-01' FROM stream.activities, unnest('{ann,dan}'::text[]) AS u;

-- Video
INSERT INTO stream.calls (cid, created_by_id, created_at, updated_at, deleted_at)
SELECT cid, owner, '2024-01-01', '2024-01-01', deleted_at::timestamptz
  FROM (VALUES ('call:ann-ben', 'ann', NULL), ('call:ann-cat', 'cat', NULL), ('call:ann-dan', 'ann', '2024-02-02'),
               ('call:cat-dan', 'ann', NULL), ('call:ben-dan', 'ben', NULL), ('call:trio', 'ann', NULL),
               ('call:bcd', 'dan', NULL), ('call:solo', 'ann', NULL)) AS c (cid, owner, deleted_at);
INSERT INTO stream.call_members (call_cid, user_id, role, created_at)
SELECT cid, u, 'speaker', '2024-01-01'
  FROM (VALUES ('call:ann-ben', '{ann,ben}'::text[]), ('call:ann-cat', '{ann,cat}'), ('call:ann-dan', '{ann,dan}'),
               ('call:cat-dan', '{cat,dan}'), ('call:ben-dan', '{ben,dan}'), ('call:trio', '{ann,ben,cat}'),
               ('call:bcd', '{ben,cat,dan}'), ('call:solo', '{ann}')) AS c (cid, users), unnest(users) AS u;
INSERT INTO stream.call_sessions (id, call_cid, started_at, ended_at, deleted_at)
SELECT cid || '#' || n, cid, '2024-01-01', '2024-01-02', CASE WHEN n = 2 THEN deleted_at END
  FROM stream.calls, generate_series(1, 2) AS n;
UPDATE stream.call_sessions SET deleted_at = '2024-02-02' WHERE id = 'call:ann-cat#2';
INSERT INTO stream.call_participants (session_id, user_id, joined_at)
SELECT id, u, '2024-01-01' FROM stream.call_sessions, unnest('{ann,ben,cat}'::text[]) AS u;

-- Flags on everything that can be flagged, by three users
INSERT INTO stream.flags (id, entity_type, entity_id, user_id, reason, created_at)
SELECT entity_type || ' ' || entity_id || ' by ' || u, entity_type, entity_id, u, 'spam', '2024-01-01'
  FROM (SELECT 'message' AS entity_type, id AS entity_id FROM stream.messages
        UNION ALL SELECT 'activity', id FROM stream.activities
        UNION ALL SELECT 'comment', id FROM stream.comments
        UNION ALL SELECT 'user', id FROM stream.users) AS e,
       unnest('{ann,ben,dan}'::text[]) AS u;

-- Devices and moderation
INSERT INTO stream.devices (user_id, id, push_provider, created_at)
SELECT u, d, 'apn', '2024-01-01' FROM unnest('{ann,ben,cat}'::text[]) AS u, unnest('{phone,tablet}'::text[]) AS d;
INSERT INTO stream.bans (target_user_id, channel_cid, banned_by_id, reason, created_at)
SELECT target, cid, by, 'rude', '2024-01-01'
  FROM (VALUES ('ann', '', 'cat'), ('cat', '', 'ann'), ('dan', '', 'ben'), ('eve', '', 'cat'),
               ('ann', 'team:trio', 'ben'), ('dan', 'dm:ann-cat', 'cat'), ('dan', 'dm:ben-cat', 'cat'),
               ('dan', 'team:trio', 'ann'), ('dan', 'team:bcd', 'cat')) AS b (target, cid, by);
INSERT INTO stream.user_mutes (user_id, target_id, created_at, updated_at)
SELECT u, t, '2024-01-01', '2024-01-01'
  FROM (VALUES ('ann', 'cat'), ('cat', 'ann'), ('ann', 'ben'), ('ben', 'dan'), ('dan', 'cat')) AS m (u, t);
INSERT INTO stream.channel_mutes (user_id, channel_cid, created_at, updated_at)
SELECT user_id, cid, '2024-01-01', '2024-01-01' FROM stream.channel_members;
INSERT INTO stream.blocks (user_id, blocked_user_id, created_at)
SELECT user_id, target_id, '2024-01-01' FROM stream.user_mutes;

-- What workers found out of conversations
INSERT INTO stream.response_times (cid, user_id, answers, waited, newest_at, newest_id)
SELECT m.cid, m.user_id, 3, '1 minute', '2024-01-01', 'm1' FROM stream.channel_members AS m WHERE m.cid LIKE 'dm:%';

SET LOCAL stream_users.guard_writes = on;

-- The tables with data of users: all of the schema but queue, log, catalogue and rights.
CREATE FUNCTION pg_temp.watched_tables() RETURNS SETOF regclass LANGUAGE sql AS $$
    SELECT c.oid::regclass
      FROM pg_class AS c
     WHERE c.relnamespace = 'stream'::regnamespace AND c.relkind = 'r'
       AND c.relname NOT IN ('tasks', 'task_users', 'task_files', 'worker_slots', 'roles', 'function_levels', 'events', 'events_trimmed',
                              'erasures', 'erasures_applied', 'holds', 'response_time_walk')
       AND c.relname NOT LIKE 'binding%'
     ORDER BY c.oid::regclass::text
$$;
\ir everything.sql
