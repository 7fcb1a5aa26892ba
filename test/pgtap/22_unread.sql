-- Unread counters: what the application keeps in stream.reads, and what is counted from messages where it
-- keeps nothing.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;

SELECT plan(24);

SELECT stream_upsert_users('[{"id": "un-ann"}, {"id": "un-bob"}, {"id": "un-cat"}]', return_users => false);

-- The counters of a user: messages, in how many channels, threads. Both fields for messages say the same.
CREATE FUNCTION pg_temp.unread(id text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN u -> 'unread_count' = u -> 'total_unread_count'
                THEN concat_ws(' ', u ->> 'unread_count', u ->> 'unread_channels', u ->> 'unread_threads') END
    FROM stream_get_user(id) AS u
$$;
-- Writes a message at that minute of the hour.
CREATE FUNCTION pg_temp.say(channel text, message text, author text, minute integer, parent text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO stream.messages (cid, id, user_id, created_at, parent_id)
    VALUES ('messaging:' || channel, message, author, timestamptz '2024-01-01Z' + minute * interval '1 minute', parent)
$$;

INSERT INTO stream.channels (cid) VALUES ('messaging:un-1'), ('messaging:un-2'), ('messaging:un-gone');
INSERT INTO stream.channel_members (cid, user_id)
SELECT 'messaging:' || c, u FROM unnest('{un-1,un-2,un-gone,un-nowhere}'::text[]) AS c, unnest('{un-ann,un-bob}'::text[]) AS u;

-- Messages
INSERT INTO stream.reads (cid, user_id, last_read) VALUES ('messaging:un-1', 'un-ann', '2024-01-01 00:10Z');
SELECT is(pg_temp.unread('un-ann'), '0 0 0', 'in a channel without messages nothing is unread');
SELECT pg_temp.say('un-1', 'a', 'un-bob', 5), pg_temp.say('un-1', 'b', 'un-bob', 10);
SELECT is(pg_temp.unread('un-ann'), '0 0 0', 'messages until last_read are read, one of that very moment too');
SELECT pg_temp.say('un-1', 'c', 'un-bob', 11), pg_temp.say('un-1', 'd', 'un-cat', 12);
SELECT is(pg_temp.unread('un-ann'), '2 1 0', 'messages of others after last_read are unread');
SELECT pg_temp.say('un-1', 'e', 'un-ann', 13);
SELECT is(pg_temp.unread('un-ann'), '2 1 0', 'one''s own are not');
SELECT pg_temp.say('un-1', 'f', NULL, 14);
SELECT is(pg_temp.unread('un-ann'), '3 1 0', 'those of nobody are');
UPDATE stream.messages SET deleted_at = now() WHERE cid = 'messaging:un-1' AND id = 'f';
SELECT is(pg_temp.unread('un-ann'), '2 1 0', 'deleted ones are not');
SELECT pg_temp.say('un-2', 'a', 'un-bob', 11);
SELECT is(pg_temp.unread('un-ann'), '2 1 0', 'a channel of which nothing says how far the user has read counts for nothing');
INSERT INTO stream.reads (cid, user_id, last_read) VALUES ('messaging:un-2', 'un-ann', '2024-01-01Z');
SELECT is(pg_temp.unread('un-ann'), '3 2 0', 'channels with unread messages are counted');
SELECT is(pg_temp.unread('un-bob'), '0 0 0', 'each user has their own counters');
UPDATE stream.channel_members SET deleted_at = now() WHERE cid = 'messaging:un-2' AND user_id = 'un-ann';
SELECT is(pg_temp.unread('un-ann'), '2 1 0', 'where the membership has ended nothing is unread');
DELETE FROM stream.channel_members WHERE cid = 'messaging:un-2' AND user_id = 'un-ann';
SELECT is(pg_temp.unread('un-ann'), '2 1 0', 'nor where there is none');
SELECT pg_temp.say('un-nowhere', 'a', 'un-bob', 11);
INSERT INTO stream.reads (cid, user_id, last_read) VALUES ('messaging:un-nowhere', 'un-ann', '2024-01-01Z');
SELECT is(pg_temp.unread('un-ann'), '3 2 0', 'a channel that is not in stream.channels counts as any other');

-- Muted and deleted channels
INSERT INTO stream.channel_mutes (user_id, channel_cid, expires) VALUES ('un-ann', 'messaging:un-nowhere', now() - interval '1 second');
SELECT is(pg_temp.unread('un-ann'), '3 2 0', 'a mute that has run out changes nothing');
UPDATE stream.channel_mutes SET expires = NULL WHERE user_id = 'un-ann';
SELECT is(pg_temp.unread('un-ann'), '2 1 0', 'in a muted channel nothing is counted');
SELECT pg_temp.say('un-gone', 'a', 'un-bob', 11);
INSERT INTO stream.reads (cid, user_id, last_read) VALUES ('messaging:un-gone', 'un-ann', '2024-01-01Z');
SELECT is(pg_temp.unread('un-ann'), '3 2 0', 'a channel that is there counts');
UPDATE stream.channels SET deleted_at = now() WHERE cid = 'messaging:un-gone';
SELECT is(pg_temp.unread('un-ann'), '2 1 0', 'a deleted channel counts for nothing');

-- Numbers that the application keeps
UPDATE stream.reads SET unread_messages = 40 WHERE user_id = 'un-ann' AND cid = 'messaging:un-1';
SELECT is(pg_temp.unread('un-ann'), '40 1 0', 'a number that the application keeps counts instead of the messages');
UPDATE stream.reads SET unread_messages = 0 WHERE user_id = 'un-ann' AND cid = 'messaging:un-1';
SELECT is(pg_temp.unread('un-ann'), '0 0 0', 'so does 0');
UPDATE stream.reads SET unread_messages = 5 WHERE user_id = 'un-ann' AND cid IN ('messaging:un-2', 'messaging:un-nowhere', 'messaging:un-gone');
SELECT is(pg_temp.unread('un-ann'), '10 2 0', 'it counts without a membership and in a muted channel, but not in a deleted one');

-- Threads: un-ann started thread a and replied in thread b; thread c is others'.
UPDATE stream.reads SET unread_messages = NULL WHERE user_id = 'un-ann';
DELETE FROM stream.messages WHERE cid = 'messaging:un-1';
SELECT pg_temp.say('un-1', 'a', 'un-ann', 1), pg_temp.say('un-1', 'b', 'un-bob', 2), pg_temp.say('un-1', 'c', 'un-bob', 3),
       pg_temp.say('un-1', 'b1', 'un-ann', 4, 'b'), pg_temp.say('un-1', 'a1', 'un-bob', 5, 'a'), pg_temp.say('un-1', 'c1', 'un-cat', 20, 'c');
SELECT is(pg_temp.unread('un-ann'), '1 1 0', 'a thread without unread replies is not unread, nor is one of others');
SELECT pg_temp.say('un-1', 'a2', 'un-bob', 21, 'a'), pg_temp.say('un-1', 'a3', 'un-cat', 22, 'a');
SELECT is(pg_temp.unread('un-ann'), '3 1 1', 'a thread the user started is unread once another replies, however often');
SELECT pg_temp.say('un-1', 'b2', 'un-ann', 23, 'b');
SELECT is(pg_temp.unread('un-ann'), '3 1 1', 'one''s own replies leave it read');
SELECT pg_temp.say('un-1', 'b3', 'un-bob', 24, 'b');
SELECT is(pg_temp.unread('un-ann'), '4 1 2', 'a thread the user replied in is unread too');
UPDATE stream.messages SET deleted_at = now() WHERE cid = 'messaging:un-1' AND id IN ('a2', 'a3', 'b1', 'b2');
SELECT is(pg_temp.unread('un-ann'), '2 1 0', 'deleted replies leave a thread read, and take their author out of it');

SELECT * FROM finish();
ROLLBACK;
