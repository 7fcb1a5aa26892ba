-- What the people wrote, in the extension's own tables and with plain SQL: a channel for each source
-- package, its maintainer and uploaders as members, a message for each binary package.

BEGIN;

INSERT INTO stream.channels (type, id, created_by_id, team)
SELECT 'package', source, user_id, section
FROM debian.source
JOIN debian.handler USING (source)
WHERE place = 1;

INSERT INTO stream.channel_members (cid, user_id, channel_role)
SELECT 'package:' || source, user_id, CASE place WHEN 1 THEN 'channel_moderator' ELSE 'channel_member' END
FROM debian.handler;

-- The people of a source take turns in describing its packages. The first message opens the thread that
-- the others answer in, and an author mentions everyone else who looks after the source.
INSERT INTO stream.messages (cid, id, user_id, text, mentioned_user_ids, parent_id)
SELECT 'package:' || turn.source,
       turn.package,
       author.user_id,
       turn.package || ': ' || coalesce(turn.description, ''),
       ARRAY(SELECT other.user_id
             FROM debian.handler AS other
             WHERE other.source = turn.source AND other.user_id <> author.user_id
             ORDER BY other.place),
       nullif(turn.opening, turn.package)
FROM (
    SELECT source,
           package,
           description,
           row_number() OVER packages AS number,
           first_value(package) OVER packages AS opening,
           people
    FROM debian.package
    JOIN (SELECT source, count(*) AS people FROM debian.handler GROUP BY source) AS crew USING (source)
    WINDOW packages AS (PARTITION BY source ORDER BY package)
) AS turn
JOIN debian.handler AS author
  ON author.source = turn.source AND author.place = (turn.number - 1) % turn.people + 1;

-- Everyone mentioned answers with a reaction, the same one whenever this runs.
INSERT INTO stream.reactions (cid, message_id, user_id, type)
SELECT cid,
       message.id,
       mentioned.user_id,
       (ARRAY['like', 'love', 'haha', 'wow'])[1 + (length(message.text) + mentioned.place) % 4]
FROM stream.messages AS message,
     LATERAL unnest(mentioned_user_ids) WITH ORDINALITY AS mentioned (user_id, place);

-- A feed for each person, an activity for each source, and uploaders following the maintainer.
INSERT INTO stream.feeds (group_id, id, created_by_id)
SELECT 'user', user_id, user_id
FROM debian.person;

INSERT INTO stream.activities (id, fid, user_id, type, text)
SELECT 'maintains-' || source, 'user:' || user_id, user_id, 'maintain', source
FROM debian.handler
WHERE place = 1;

INSERT INTO stream.follows (source_fid, target_fid)
SELECT DISTINCT 'user:' || uploader.user_id, 'user:' || maintainer.user_id
FROM debian.handler AS maintainer
JOIN debian.handler AS uploader ON uploader.source = maintainer.source AND uploader.place > 1
WHERE maintainer.place = 1;

COMMIT;

ANALYZE;
