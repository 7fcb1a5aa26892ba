-- A dry run's counts are those the task reports: in random small worlds, for random users and modes,
-- also where users were deleted, pruned or robbed of data before and where the application had deleted
-- rows by itself. A world that fails comes again with psql -v seed=<its number> -v worlds=1.
\if :{?seed}
\else
SELECT floor(random() * 1000000)::integer AS seed \gset
\endif
\if :{?worlds}
\else
\set worlds 25
\endif
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
SET LOCAL stream_users.guard_writes = off;
SET LOCAL jit = off;

-- One of these, or one of these ids; null now and then where it says so.
CREATE FUNCTION pg_temp.one_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT choices[1 + floor(random() * cardinality(choices))::integer]
$$;
CREATE FUNCTION pg_temp.id(kind text, n integer) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT kind || 1 + floor(random() * n)::integer
$$;
CREATE FUNCTION pg_temp.maybe(value text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN random() < 0.4 THEN value END
$$;
CREATE FUNCTION pg_temp.ids(kind text, n integer) RETURNS text[] LANGUAGE sql VOLATILE AS $$
    SELECT array_agg(DISTINCT i) FROM (SELECT pg_temp.id(kind, n) AS i FROM generate_series(1, 1 + floor(random() * 3)::integer)) AS s
$$;
CREATE FUNCTION pg_temp.sometimes_deleted() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN random() < 0.15 THEN timestamptz '2024-02-02' END
$$;

-- An application's tables, bound in various ways
CREATE SCHEMA drawn;
CREATE TABLE drawn.posts (id integer PRIMARY KEY, author text, body text, removed_at timestamptz, removed_by uuid);
CREATE TABLE drawn.answers (id integer PRIMARY KEY, post integer, author text, body text, hidden boolean);
CREATE TABLE drawn.likes (answer integer, member text, PRIMARY KEY (answer, member));
CREATE TABLE drawn.projects (id integer PRIMARY KEY, owner text, watchers text[], reviewer text);
CREATE TABLE drawn.documents (id integer PRIMARY KEY, body jsonb, summary text, trashed_at timestamptz);
CREATE TABLE drawn.sessions (id integer PRIMARY KEY, account text);
CREATE TABLE drawn.letters (id integer PRIMARY KEY, sender text, recipient text, body text, deleted_at timestamptz, deleted_by uuid);
CREATE TABLE drawn.orders (id integer PRIMARY KEY, buyer text, address text);
CREATE INDEX ON drawn.posts (author);
CREATE INDEX ON drawn.answers (author);
CREATE INDEX ON drawn.answers (post);
CREATE INDEX ON drawn.likes (member);
CREATE INDEX ON drawn.projects (owner);
CREATE INDEX ON drawn.projects USING gin (watchers);
CREATE INDEX ON drawn.projects (reviewer);
CREATE INDEX ON drawn.documents ((body #>> '{author}'));
CREATE INDEX ON drawn.documents USING gin ((body #> '{watchers}'));
CREATE INDEX ON drawn.sessions (account);
CREATE INDEX ON drawn.letters (sender);
CREATE INDEX ON drawn.letters (recipient);
CREATE INDEX ON drawn.orders (buyer);
SELECT stream_bind_table('drawn.posts', 'author', 'author', deleted_column => 'removed_at', task_column => 'removed_by',
                         empty => '{"body": null}', children => '{"drawn.answers": "post"}'),
       stream_bind_table('drawn.answers', 'author', 'author', deleted_column => 'hidden', empty => '{"body": null}',
                         children => '{"drawn.likes": {"columns": "answer", "pruning": "delete"}}'),
       stream_bind_table('drawn.likes', 'member', 'member'),
       stream_bind_table('drawn.projects', 'owner', 'owner'),
       stream_bind_table('drawn.projects', 'watchers', 'pointer'),
       stream_bind_table('drawn.projects', 'reviewer', 'pointer'),
       stream_bind_table('drawn.documents', 'body', 'author', path => '{author}', hard => 'keep', deleted_column => 'trashed_at',
                         empty => '{"summary": null}'),
       stream_bind_table('drawn.documents', 'body', 'pointer', path => '{watchers,*}'),
       stream_bind_table('drawn.sessions', 'account', 'personal', soft => 'delete'),
       stream_bind_table('drawn.letters', 'sender', 'author', deleted_column => 'deleted_at', task_column => 'deleted_by',
                         empty => '{"body": null}'),
       stream_bind_table('drawn.letters', 'recipient', 'personal'),
       stream_bind_table('drawn.orders', 'buyer', 'author', hard => 'empty', empty => '{"address": ""}') \g /dev/null

-- Eight users, and a ninth that stream.users doesn't know; everything between them is drawn.
CREATE FUNCTION pg_temp.populate() RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO stream.users (id, name, created_at, deactivated_at, deactivated_by_id)
    SELECT 'u' || i, 'Name', '2024-01-01', CASE WHEN by IS NOT NULL THEN timestamptz '2024-01-02' END, by
      FROM (SELECT i, pg_temp.maybe(pg_temp.id('u', 9)) AS by FROM generate_series(1, 8) AS i) AS u;
    INSERT INTO stream.channels (cid, created_by_id, deleted_at)
    SELECT 'c:' || i, pg_temp.maybe(pg_temp.id('u', 9)), pg_temp.sometimes_deleted() FROM generate_series(1, 8) AS i;
    INSERT INTO stream.channel_members (cid, user_id, deleted_at)
    SELECT pg_temp.id('c:', 8), pg_temp.id('u', 9), pg_temp.sometimes_deleted() FROM generate_series(1, 20) ON CONFLICT DO NOTHING;
    INSERT INTO stream.messages (cid, id, user_id, mentioned_user_ids, parent_id, quoted_message_id, pinned_by_id, attachments, deleted_at)
    SELECT pg_temp.id('c:', 9), 'm' || i, pg_temp.id('u', 9), CASE WHEN random() < 0.5 THEN pg_temp.ids('u', 9) ELSE '{}' END,
           pg_temp.maybe(pg_temp.id('m', 40)), pg_temp.maybe(pg_temp.id('m', 40)), pg_temp.maybe(pg_temp.id('u', 9)),
           jsonb_build_array(jsonb_build_object('image_url', 'http://file/' || pg_temp.id('f', 9))), pg_temp.sometimes_deleted()
      FROM generate_series(1, 40) AS i;
    INSERT INTO stream.reactions (cid, message_id, user_id, type)
    SELECT m.cid, m.id, pg_temp.id('u', 9), pg_temp.one_of('like', 'love') FROM stream.messages AS m, generate_series(1, 2) ON CONFLICT DO NOTHING;
    INSERT INTO stream.reads (cid, user_id) SELECT pg_temp.id('c:', 9), pg_temp.id('u', 9) FROM generate_series(1, 20) ON CONFLICT DO NOTHING;
    INSERT INTO stream.feeds (fid, created_by_id, deleted_at)
    SELECT 'f:' || i, pg_temp.id('u', 9), pg_temp.sometimes_deleted() FROM generate_series(1, 6) AS i;
    INSERT INTO stream.activities (id, fid, user_id, mentioned_user_ids, deleted_at)
    SELECT 'a' || i, pg_temp.maybe(pg_temp.id('f:', 7)), pg_temp.id('u', 9), CASE WHEN random() < 0.5 THEN pg_temp.ids('u', 9) ELSE '{}' END,
           pg_temp.sometimes_deleted() FROM generate_series(1, 20) AS i;
    INSERT INTO stream.comments (id, activity_id, user_id, parent_id, deleted_at)
    SELECT 'o' || i, pg_temp.id('a', 21), pg_temp.id('u', 9), pg_temp.maybe(pg_temp.id('o', 30)), pg_temp.sometimes_deleted()
      FROM generate_series(1, 30) AS i;
    INSERT INTO stream.feed_reactions (activity_id, comment_id, user_id, type)
    SELECT pg_temp.id('a', 21), '', pg_temp.id('u', 9), 'like' FROM generate_series(1, 20)
    UNION SELECT c.activity_id, c.id, pg_temp.id('u', 9), 'like' FROM stream.comments AS c ON CONFLICT DO NOTHING;
    INSERT INTO stream.follows (source_fid, target_fid) SELECT pg_temp.id('f:', 7), pg_temp.id('f:', 7) FROM generate_series(1, 10) ON CONFLICT DO NOTHING;
    INSERT INTO stream.bookmarks (user_id, activity_id) SELECT pg_temp.id('u', 9), pg_temp.id('a', 21) FROM generate_series(1, 20) ON CONFLICT DO NOTHING;
    INSERT INTO stream.calls (cid, created_by_id, deleted_at)
    SELECT 'v:' || i, pg_temp.maybe(pg_temp.id('u', 9)), pg_temp.sometimes_deleted() FROM generate_series(1, 6) AS i;
    INSERT INTO stream.call_members (call_cid, user_id) SELECT pg_temp.id('v:', 6), pg_temp.id('u', 9) FROM generate_series(1, 14) ON CONFLICT DO NOTHING;
    INSERT INTO stream.call_sessions (id, call_cid, deleted_at)
    SELECT 's' || i, pg_temp.id('v:', 7), pg_temp.sometimes_deleted() FROM generate_series(1, 10) AS i;
    INSERT INTO stream.call_participants (session_id, user_id) SELECT pg_temp.id('s', 11), pg_temp.id('u', 9) FROM generate_series(1, 20) ON CONFLICT DO NOTHING;
    INSERT INTO stream.flags (entity_type, entity_id, user_id)
    SELECT e.type, CASE e.type WHEN 'message' THEN pg_temp.id('m', 41) WHEN 'user' THEN pg_temp.id('u', 9)
                               WHEN 'activity' THEN pg_temp.id('a', 21) ELSE pg_temp.id('o', 31) END, pg_temp.id('u', 9)
      FROM (SELECT pg_temp.one_of('message', 'user', 'activity', 'comment') AS type FROM generate_series(1, 40)) AS e;
    INSERT INTO stream.devices (user_id, id, push_provider) SELECT pg_temp.id('u', 9), pg_temp.id('d', 3), 'apn' FROM generate_series(1, 10) ON CONFLICT DO NOTHING;
    INSERT INTO stream.bans (target_user_id, channel_cid, banned_by_id)
    SELECT pg_temp.id('u', 9), COALESCE(pg_temp.maybe(pg_temp.id('c:', 9)), ''), pg_temp.maybe(pg_temp.id('u', 9)) FROM generate_series(1, 12) ON CONFLICT DO NOTHING;
    INSERT INTO stream.user_mutes (user_id, target_id) SELECT pg_temp.id('u', 9), pg_temp.id('u', 9) FROM generate_series(1, 12) ON CONFLICT DO NOTHING;
    INSERT INTO stream.channel_mutes (user_id, channel_cid) SELECT pg_temp.id('u', 9), pg_temp.id('c:', 9) FROM generate_series(1, 12) ON CONFLICT DO NOTHING;
    INSERT INTO stream.response_times (cid, user_id, answers, waited, newest_at, newest_id)
    SELECT pg_temp.id('c:', 9), pg_temp.id('u', 9), 1, '1 s', now(), 'm1' FROM generate_series(1, 12) ON CONFLICT DO NOTHING;
    INSERT INTO stream.blocks (user_id, blocked_user_id) SELECT pg_temp.id('u', 9), pg_temp.id('u', 9) FROM generate_series(1, 12) ON CONFLICT DO NOTHING;
    INSERT INTO drawn.posts SELECT i, pg_temp.id('u', 9), 'body', pg_temp.sometimes_deleted() FROM generate_series(1, 12) AS i;
    INSERT INTO drawn.answers SELECT i, floor(random() * 13), pg_temp.id('u', 9), 'body', random() < 0.2 FROM generate_series(1, 20) AS i;
    INSERT INTO drawn.likes SELECT floor(random() * 21), pg_temp.id('u', 9) FROM generate_series(1, 30) ON CONFLICT DO NOTHING;
    INSERT INTO drawn.projects
    SELECT i, pg_temp.maybe(pg_temp.id('u', 9)), pg_temp.ids('u', 9), pg_temp.maybe(pg_temp.id('u', 9)) FROM generate_series(1, 10) AS i;
    INSERT INTO drawn.documents
    SELECT i, jsonb_build_object('author', pg_temp.id('u', 9), 'watchers', to_jsonb(pg_temp.ids('u', 9))), 'summary', pg_temp.sometimes_deleted()
      FROM generate_series(1, 10) AS i;
    INSERT INTO drawn.sessions SELECT i, pg_temp.id('u', 9) FROM generate_series(1, 10) AS i;
    INSERT INTO drawn.letters SELECT i, pg_temp.id('u', 9), pg_temp.id('u', 9), 'body', pg_temp.sometimes_deleted() FROM generate_series(1, 15) AS i;
    INSERT INTO drawn.orders SELECT i, pg_temp.id('u', 9), 'address' FROM generate_series(1, 10) AS i
$$;

CREATE TEMPORARY TABLE deletions (
    world integer, n integer, users text[], modes text[], files boolean, chunk_rows integer,
    announced jsonb, status text, counts jsonb);

-- One deletion of random users in random modes that the users' state allows; it is run to its end.
CREATE FUNCTION pg_temp.delete_some(world integer, n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    d deletions;
    task uuid;
    strongest integer;
BEGIN
    d.world := world;
    d.n := n;
    d.users := ARRAY(SELECT i FROM unnest(pg_temp.ids('u', 8)) AS i JOIN stream.users AS u ON u.id = i);
    IF d.users = '{}' THEN
        RETURN;
    END IF;
    SELECT COALESCE(max(array_position('{soft,pruning,hard}', deleted_mode)), 0) INTO strongest FROM stream.users WHERE id = ANY (d.users);
    d.modes := ARRAY[(ARRAY['soft', 'pruning', 'hard', 'hard'])[1 + floor(random() * 5)::integer],
                     pg_temp.one_of('', 'soft', 'pruning', 'hard'), pg_temp.one_of('', 'soft', 'hard'), pg_temp.one_of('', 'soft', 'hard')];
    IF array_position('{soft,pruning,hard}', d.modes[1]) <= strongest THEN
        d.modes[1] := NULL;
    END IF;
    IF d.modes[1] = 'hard' THEN
        d.modes := ARRAY['hard', 'hard', 'hard', d.modes[4]];
    ELSIF concat_ws('', d.modes[1], d.modes[2], d.modes[3], d.modes[4]) = '' THEN
        d.modes[2] := 'hard';
    END IF;
    d.files := random() < 0.5;
    d.chunk_rows := pg_temp.one_of('1', '7', '60', '2000')::integer;
    PERFORM set_config('stream_users.chunk_rows', d.chunk_rows::text, true);
    d.announced := stream_delete_users(d.users, d.modes[1], d.modes[2], d.modes[3], d.modes[4], files => d.files, dry_run => true) -> 'counts';
    task := stream_delete_users(d.users, d.modes[1], d.modes[2], d.modes[3], d.modes[4], files => d.files) ->> 'task_id';
    CALL stream_run_tasks(until_idle => true);
    d.status := stream_get_task(task) ->> 'status';
    d.counts := stream_get_task(task) #> '{result,counts}';
    INSERT INTO deletions SELECT d.*;
END
$$;

-- A world, and the deletions of its history one after the other; afterwards it is as if it had never been.
CREATE FUNCTION pg_temp.observe(world integer) RETURNS SETOF deletions LANGUAGE plpgsql AS $$
DECLARE
    found deletions[];
BEGIN
    PERFORM setseed(world % 1000000 / 1000000.0);
    PERFORM pg_temp.populate();
    FOR n IN 1..5 LOOP
        PERFORM pg_temp.delete_some(world, n);
    END LOOP;
    found := ARRAY(SELECT d FROM deletions AS d ORDER BY d.n);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN QUERY SELECT * FROM unnest(found);
END
$$;

CREATE TEMPORARY TABLE observed AS
SELECT d.* FROM generate_series(:seed, :seed + :worlds - 1) AS w, pg_temp.observe(w) AS d;

SELECT plan((SELECT count(*)::integer * 2 FROM observed) + 4);

SELECT diag('the first world is number ' || :seed);
SELECT is(status, 'completed', format('world %s, deletion %s: %s of %s completes', world, n, modes, users)) FROM observed ORDER BY world, n;
SELECT is(counts, announced, format('world %s, deletion %s: %s of %s in chunks of %s counts what the dry run announced', world, n, modes, users, chunk_rows))
  FROM observed ORDER BY world, n;
SELECT cmp_ok((SELECT count(*) FROM observed), '>=', :worlds * 3::bigint, 'most worlds see several deletions');
SELECT cmp_ok((SELECT count(*) FROM observed WHERE counts <> '{}'), '>=', :worlds * 2::bigint, 'most deletions handle rows');
SELECT is((SELECT count(*) FROM stream.users WHERE id ~ '^u[0-9]$'), 0::bigint, 'every world is gone in the end');

-- Claimed rows are walked in the order of their keys, not of the text of these: 9 comes before 10.
INSERT INTO stream.users (id) VALUES ('walker');
INSERT INTO drawn.posts (id, author) SELECT i, 'walker' FROM unnest('{2,9,10,11}'::integer[]) AS i;
INSERT INTO drawn.answers (id, post, author) SELECT id, id, 'other' FROM drawn.posts;
SET LOCAL stream_users.chunk_rows = 1;
SELECT stream_delete_users('{walker}', NULL, 'hard', NULL, NULL) \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT is((SELECT count(*) FROM drawn.posts) + (SELECT count(*) FROM drawn.answers), 0::bigint,
          'rows with numbers as keys go in chunks of one, none passed over');

SELECT * FROM finish();
ROLLBACK;
