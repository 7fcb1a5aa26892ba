-- Which indexes stream_query_users reads on a million users, by the plans of the statements that it
-- really ran, and what it reads of them. In a database of its own, which is dropped in the end.
\set QUIET 1
\set ON_ERROR_STOP 1
\set tests_database :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS query_plans;
CREATE DATABASE query_plans;
\c query_plans
SET client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION stream_users;
RESET client_min_messages;

-- Written as COPY would, and indexed afterwards.
CREATE TEMPORARY TABLE indexes AS
SELECT indexrelid::regclass AS index, pg_get_indexdef(indexrelid) AS definition
FROM pg_index WHERE indrelid = 'stream.users'::regclass AND NOT indisprimary;
SELECT format('DROP INDEX %s', index) FROM indexes \gexec
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
INSERT INTO stream.users (id, name, role, teams, language, invisible, online, last_active, custom, created_at, updated_at,
                          deactivated_at, deleted_at)
SELECT 'user-' || lpad(n::text, 7, '0'),
       CASE WHEN n % 50 > 0 THEN initcap(substr(md5((n % 30011)::text), 1, 6)) || ' ' || initcap(substr(md5((n % 9973)::text), 1, 7)) END,
       CASE WHEN n % 1000 = 0 THEN 'moderator' ELSE 'user' END,
       CASE WHEN n % 3 = 0 THEN ARRAY['team-' || n % 5000] ELSE '{}' END,
       CASE WHEN n % 2 = 0 THEN '' WHEN n % 2000 = 1 THEN 'is' ELSE 'en' END,
       n % 2000 = 2,
       n % 500 = 0,
       CASE WHEN n % 500 = 0 THEN now() + interval '1 day' WHEN n % 4 > 0 THEN now() - n * interval '1 minute' END,
       jsonb_build_object('score', n, 'tag', 'tag-' || n % 10007, 'deep', jsonb_build_object('er', n % 5003)),
       now() - n * interval '1 minute', now() - n * interval '1 minute',
       CASE WHEN n % 5000 = 3 THEN now() - n * interval '1 second' END,
       CASE WHEN n % 5000 = 4 THEN now() - n * interval '1 second' END
FROM generate_series(1, 1000000) AS n;
SELECT definition FROM indexes \gexec
INSERT INTO stream.bans (target_user_id, channel_cid, shadow)
SELECT 'user-' || lpad((n * 1000)::text, 7, '0'), '', n % 2 = 0 FROM generate_series(1, 200) AS n;
-- What an application makes when it needs it, as README says.
CREATE INDEX own_name ON stream.users (name);
CREATE INDEX own_name_words ON stream.users USING gin (name gin_trgm_ops);
CREATE INDEX own_score ON stream.users ((custom -> 'score'));
CREATE INDEX own_score_order ON stream.users ((nullif(custom -> 'score', 'null')), id);
VACUUM (ANALYZE) stream.users;
VACUUM (ANALYZE) stream.bans;

-- A query, the index that it must read, and how many entries of it and rows of users it may read at
-- most; blocks it may read in proportion.
CREATE TABLE plan_tests (k serial PRIMARY KEY, index text, query jsonb, entries integer);
INSERT INTO plan_tests (index, query, entries)
SELECT index, jsonb_build_object('filter_conditions', filter::jsonb) || coalesce(more::jsonb, '{}'), entries
FROM (VALUES
    ('users_pkey', '{"id": "user-0777777"}', NULL, 1),
    ('users_pkey', '{"id": {"$in": ["user-0000001", "user-0999999", "nobody"]}}', NULL, 3),
    ('users_pkey', '{"id": {"$gte": "user-0400000", "$lte": "user-0400010"}}', NULL, 20),
    ('users_pkey', '{"id": {"$ne": "user-0000001"}}', '{"sort": [{"field": "id", "direction": 1}]}', 40),
    ('users_created_at', '{}', NULL, 40),
    ('users_created_at', '{"created_at": {"$gt": "2000-01-01T00:00:00Z"}}', NULL, 40),
    ('users_created_at', '{"role": "user"}', NULL, 60),
    ('users_created_at', '{"language": "en"}', NULL, 100),
    ('users_created_at', '{"banned": false, "invisible": false}', NULL, 100),
    ('users_role', '{"role": "moderator"}', NULL, 1000),
    ('users_role', '{"role": {"$in": ["moderator", "admin"]}}', NULL, 1000),
    ('users_role', '{"role": {"$lt": "user"}}', NULL, 1000),
    ('users_teams', '{"teams": {"$contains": "team-42"}}', NULL, 400),
    ('users_teams', '{"teams": {"$in": ["team-42", "team-45"]}}', NULL, 800),
    ('users_teams', '{"teams": ["team-42"]}', NULL, 400),
    ('users_language', '{"language": "is"}', NULL, 600),
    ('users_language', '{"language": {"$in": ["is", "fo"]}}', NULL, 600),
    ('users_invisible', '{"invisible": true}', NULL, 600),
    ('users_pkey', '{"banned": true}', NULL, 200),
    ('users_pkey', '{"shadow_banned": {"$ne": false}}', NULL, 200),
    ('users_deactivated_at', '{"deactivated_at": {"$exists": true}}', '{"include_deactivated_users": true}', 200),
    ('users_deleted_at', '{"deleted_at": {"$lt": "2000-01-01T00:00:00Z"}}', '{"include_deleted_users": true}', 0),
    ('users_custom', '{"custom.score": 777}', NULL, 1),
    ('users_custom', '{"deep.er": {"$in": [7, 77]}}', NULL, 500),
    ('users_custom', '{"tag": {"$contains": "x"}}', NULL, 0),
    ('users_custom', '{"$or": [{"custom.score": 777}, {"tag": "tag-77"}]}', NULL, 200),
    ('users_pkey', '{"$or": [{"id": "user-0000007"}, {"custom.score": 777}]}', NULL, 2),
    ('own_name', '{"name": "Nobody"}', NULL, 0),
    ('own_name', '{"name": {"$gt": "Zz"}}', NULL, 0),
    ('own_name', '{}', '{"sort": [{"field": "name", "direction": 1}]}', 100),
    ('own_name_words', '{"name": {"$autocomplete": "c4ca42"}}', NULL, 200),
    ('own_score', '{"custom.score": {"$gt": 999990}}', NULL, 10),
    ('own_score_order', '{}', '{"sort": [{"field": "custom.score", "direction": 1}]}', 40),
    ('users_online', '{"online": true}', NULL, 2000)) AS t (index, filter, more, entries);

-- Pages by id: the first one, one in the middle and the last but one, up and down.
INSERT INTO plan_tests (index, query, entries)
SELECT 'users_pkey',
       jsonb_build_object('filter_conditions', jsonb_build_object('id', jsonb_build_object(op, id)), 'limit', 100,
                          'sort', jsonb_build_array(jsonb_build_object('field', 'id', 'direction', direction))), 110
FROM (VALUES ('$gt', 1), ('$lt', -1)) AS way (op, direction),
     unnest(ARRAY['user-0000000', 'user-0500000', 'user-0999000', 'user-1000001']) AS id
WHERE (id <> 'user-0000000' OR direction = 1) AND (id <> 'user-1000001' OR direction = -1);

\setenv PGDATABASE query_plans
\set planned `psql -Xq -v ON_ERROR_STOP=1 -f tests/test/pgtap/lib/planned_queries.sql 2>&1`

CREATE TABLE plans AS
SELECT row_number() OVER (ORDER BY place) AS k, plan,
       (plan #>> '{Plan,Shared Hit Blocks}')::integer + (plan #>> '{Plan,Shared Read Blocks}')::integer AS blocks
FROM (SELECT place, substring(message FROM '^[0-9.]+ ms  plan:\n(\{.*?\n\})')::jsonb AS plan
      FROM regexp_split_to_table(:'planned', 'NOTICE:  duration: ') WITH ORDINALITY AS m (message, place)) AS m
WHERE plan ->> 'Query Text' LIKE 'SELECT u.id,%FROM stream.users AS u%';

-- What each part of a plan read of users: its index, and the entries that it looked at.
CREATE TABLE reads AS
SELECT k, node ->> 'Node Type' AS type, node ->> 'Index Name' AS index,
       ((node ->> 'Actual Rows')::numeric + coalesce((node ->> 'Rows Removed by Filter')::numeric, 0)
        + coalesce((node ->> 'Rows Removed by Index Recheck')::numeric, 0)) * (node ->> 'Actual Loops')::numeric AS entries
FROM plans, jsonb_path_query(plan, 'strict $.**?(exists(@."Node Type"))') AS node
WHERE node ->> 'Relation Name' = 'users' OR node ->> 'Node Type' = 'Bitmap Index Scan';

SELECT plan(2 + (SELECT count(*) FROM plan_tests)::integer);
SELECT is((SELECT count(*) FROM plans), (SELECT count(*) FROM plan_tests), 'every query ran one statement of its own');
SELECT ok(as_wanted, format('%s reads %s', query, index)) || CASE WHEN as_wanted THEN '' ELSE E'\n' || diag(scans) END
FROM (SELECT t.k, t.query, t.index, bool_or(r.index = t.index) AND bool_and(r.type <> 'Seq Scan') AND max(r.entries) <= t.entries
                                    AND max(p.blocks) <= 100 + 4 * t.entries AS as_wanted,
             max(p.blocks) || ' blocks, ' || string_agg(format('%s %s: %s entries', r.type, r.index, r.entries), ', ') AS scans
      FROM plan_tests AS t JOIN plans AS p USING (k) LEFT JOIN reads AS r USING (k) GROUP BY t.k) AS t
ORDER BY k;

SELECT cmp_ok((SELECT max(blocks) - min(blocks) FROM plans JOIN plan_tests USING (k) WHERE query -> 'limit' = '100'), '<', 10,
              'a deep page by id reads as few blocks as the first one');
SELECT * FROM finish();

\c :tests_database
DROP DATABASE query_plans;
