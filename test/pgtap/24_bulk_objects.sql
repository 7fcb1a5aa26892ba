-- What full user objects cost in bulk: rows read in the extension's tables, never time. Each of 10,000 users
-- has devices, bans, blocks, mutes of both kinds, and three channels with unread messages and threads.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;

SELECT plan(17);

SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'bulk-' || i)), return_users => false) FROM generate_series(1, 10000) AS i;
INSERT INTO stream.channels (cid) SELECT 'bulk:' || c FROM generate_series(0, 2999) AS c;
INSERT INTO stream.channel_members (cid, user_id)
SELECT 'bulk:' || n * 1000 + i * (6 * n + 1) % 1000, 'bulk-' || i FROM generate_series(1, 10000) AS i, generate_series(0, 2) AS n;
INSERT INTO stream.messages (cid, id, user_id, created_at, parent_id)
SELECT cid, 'm' || n, user_id, timestamptz '2024-01-01' + n * interval '1 minute', CASE WHEN n % 4 = 3 THEN 'm' || 1 + n % 10 END
FROM (SELECT cid, user_id, row_number() OVER (PARTITION BY cid ORDER BY user_id) AS place FROM stream.channel_members WHERE cid LIKE 'bulk:%') AS m,
     LATERAL (SELECT place + 10 * k AS n FROM generate_series(0, 1) AS k) AS o;
INSERT INTO stream.reads (cid, user_id, last_read, unread_messages)
SELECT cid, user_id, '2024-01-01 00:12', CASE WHEN user_id LIKE '%7' THEN 3 END FROM stream.channel_members WHERE cid LIKE 'bulk:%';
INSERT INTO stream.devices (user_id, id, push_provider) SELECT 'bulk-' || i, d, 'apn' FROM generate_series(1, 10000) AS i, unnest('{phone,tablet}'::text[]) AS d;
INSERT INTO stream.bans (target_user_id, channel_cid) SELECT 'bulk-' || i, c FROM generate_series(1, 10000) AS i, unnest('{"",bulk:0}'::text[]) AS c;
INSERT INTO stream.blocks (user_id, blocked_user_id) SELECT 'bulk-' || i, 'bulk-' || 1 + i % 10000 FROM generate_series(1, 10000) AS i;
INSERT INTO stream.user_mutes (user_id, target_id) SELECT 'bulk-' || i, 'bulk-' || 1 + (i + 7) % 10000 FROM generate_series(1, 10000) AS i;
INSERT INTO stream.channel_mutes (user_id, channel_cid) SELECT 'bulk-' || i, 'bulk:' || i % 1000 FROM generate_series(1, 10000, 2) AS i;
ANALYZE stream.users, stream.channels, stream.channel_members, stream.messages, stream.reads, stream.devices, stream.bans, stream.blocks, stream.user_mutes,
        stream.channel_mutes;

-- The first so many of the users; a call with those in place of %s, and the rows it read for each of them.
CREATE FUNCTION pg_temp.ids(n integer) RETURNS text[] LANGUAGE sql AS $$ SELECT array_agg('bulk-' || i) FROM generate_series(1, n) AS i $$;
\ir lib/rows_read.sql
CREATE FUNCTION pg_temp.cost(call text, users integer) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    before bigint := pg_temp.rows_read();
BEGIN
    EXECUTE call USING pg_temp.ids(users);
    RETURN round((pg_temp.rows_read() - before)::numeric / users, 1);
END
$$;

CREATE TEMPORARY TABLE calls (name text, call text);
INSERT INTO calls VALUES
    ('getting', 'SELECT stream_get_users($1)'),
    ('creating or replacing', $$SELECT stream_upsert_users((SELECT jsonb_agg(jsonb_build_object('id', id, 'name', id || now() || random())) FROM unnest($1) AS id))$$),
    ('changing', $$SELECT stream_patch_users((SELECT jsonb_agg(jsonb_build_object('id', id, 'set', jsonb_build_object('name', random()::text))) FROM unnest($1) AS id))$$);
CREATE TEMPORARY TABLE costs AS
SELECT name, pg_temp.cost(call, 100) AS of_100, pg_temp.cost(call, 1000) AS of_1000, pg_temp.cost(call, 10000) AS of_10000 FROM calls;
SELECT diag(format('rows read a user when %s 100, 1,000 and 10,000 users at once: %s, %s, %s', name, of_100, of_1000, of_10000)) FROM costs;
SELECT cmp_ok(of_10000, '<=', of_1000 * 1.1, name || ' 10,000 users reads no more rows a user than 1,000 do') FROM costs;
SELECT cmp_ok(of_10000, '<=', of_100 * 1.1, name || ' 10,000 users reads no more rows a user than 100 do') FROM costs;
-- 3 reads, channels and memberships, some 30 messages and replies to look at, and about 10 rows of the other tables, of
-- which mutes show two users each.
SELECT cmp_ok(of_10000, '<=', 150.0, name || ' reads what the users have, and not much more') FROM costs;

-- A session keeps its plans: they must do for many users when they were made for few, and the other way round.
SELECT pg_temp.cost('SELECT stream_get_users($1)', 1) FROM generate_series(1, 10);
SELECT cmp_ok(pg_temp.cost('SELECT stream_get_users($1)', 10000), '<=', (SELECT of_100 * 1.1 FROM costs WHERE name = 'getting'),
              'nor after many calls for single users');
SELECT cmp_ok(pg_temp.cost('SELECT stream_get_users($1)', 1), '<=', (SELECT of_100 * 2 FROM costs WHERE name = 'getting'),
              'and one user is read without looking at the others');

-- A table that holds nothing costs nothing.
SAVEPOINT full_tables;
DELETE FROM stream.devices;
SELECT is(pg_temp.cost('SELECT stream_get_users($1)', 1000) < (SELECT of_1000 - 1 FROM costs WHERE name = 'getting'), true,
          'users without devices cost less by their rows');
ROLLBACK TO full_tables;

-- Messages that have been read cost nothing, however many they are.
CREATE TEMPORARY TABLE before AS SELECT pg_temp.cost('SELECT stream_get_users($1)', 1000) AS of_1000;
INSERT INTO stream.messages (cid, id, user_id, created_at)
SELECT 'bulk:' || c, 'old' || n, 'bulk-1', timestamptz '2023-01-01' + n * interval '1 minute' FROM generate_series(0, 2999) AS c, generate_series(1, 100) AS n;
ANALYZE stream.messages;
SELECT cmp_ok(pg_temp.cost('SELECT stream_get_users($1)', 1000), '<=', (SELECT of_1000 * 1.1 FROM before),
              '300,000 old messages change nothing');

-- Cheap and right: the counters of all 10,000 against a plain query.
CREATE TEMPORARY TABLE counters AS
SELECT key AS id, (value ->> 'unread_count')::integer AS messages, (value ->> 'unread_channels')::integer AS channels, (value ->> 'unread_threads')::integer AS threads
FROM jsonb_each(stream_get_users(pg_temp.ids(10000)) -> 'users');
CREATE TEMPORARY TABLE unread AS
SELECT r.user_id, r.cid, m.id, m.parent_id
FROM stream.reads AS r
JOIN stream.messages AS m ON m.cid = r.cid AND m.created_at > r.last_read AND m.user_id <> r.user_id
WHERE NOT EXISTS (SELECT FROM stream.channel_mutes AS x WHERE x.user_id = r.user_id AND x.channel_cid = r.cid);
CREATE TEMPORARY TABLE takes_part AS
SELECT user_id, cid, id AS thread FROM stream.messages WHERE parent_id IS NULL AND id NOT LIKE 'old%'
UNION SELECT user_id, cid, parent_id FROM stream.messages WHERE parent_id IS NOT NULL;
ANALYZE unread, takes_part;
SELECT is((SELECT count(*) FROM counters), 10000::bigint, 'all are there');
SELECT is_empty($$SELECT c.id, c.messages, c.channels, w.messages, w.channels
                    FROM counters AS c
                    LEFT JOIN (SELECT user_id, sum(COALESCE(unread_messages, n)) AS messages, count(*) AS channels
                                 FROM stream.reads
                                 LEFT JOIN (SELECT user_id, cid, count(*) AS n FROM unread GROUP BY user_id, cid) AS u USING (user_id, cid)
                                WHERE COALESCE(unread_messages, n) > 0
                                GROUP BY user_id) AS w ON w.user_id = c.id
                   WHERE (c.messages, c.channels) IS DISTINCT FROM (COALESCE(w.messages, 0), COALESCE(w.channels, 0))$$,
                'unread messages and channels are those of a plain query');
SELECT is_empty($$SELECT c.id, c.threads, w.threads
                    FROM counters AS c
                    LEFT JOIN (SELECT u.user_id, count(DISTINCT (u.cid, u.parent_id)) AS threads
                                 FROM unread AS u
                                 JOIN takes_part AS t ON (t.user_id, t.cid, t.thread) = (u.user_id, u.cid, u.parent_id)
                                GROUP BY u.user_id) AS w ON w.user_id = c.id
                   WHERE c.threads IS DISTINCT FROM COALESCE(w.threads, 0)$$,
                'so are unread threads');
SELECT cmp_ok((SELECT count(*) FROM counters WHERE threads > 0), '>', 1000::bigint, 'of which many users have some');

SELECT * FROM finish();
ROLLBACK;
