-- An application's schema with its tables bound, to be included by \ir inside a test's transaction. :id_type
-- is the type of its columns with users' ids, uuid or bigint.
--
-- ann and ben are the users things happen to, cat and dan the others, nora takes over what is transferred.
-- 'almost ann' is another user whose id is almost that of ann: her uuid in capitals, her number with a zero
-- before it. No uuid or bigint column can hold such an id, though text can. Everything dates from January
-- 2024, except what the application had deleted by itself in February.
SET LOCAL timezone = 'UTC';
CREATE ROLE app_owner;
CREATE ROLE app_reader;
CREATE SCHEMA app AUTHORIZATION app_owner;
SELECT stream_grant('app_owner', 'admin') \g /dev/null

CREATE TEMPORARY TABLE names (name text PRIMARY KEY, id text);
INSERT INTO names
SELECT name, CASE :'id_type' WHEN 'uuid' THEN uuid ELSE number END
  FROM (VALUES ('ann', 'ab12cd34-0000-4000-8000-00000000000a', '700000000007'),
               ('almost ann', 'AB12CD34-0000-4000-8000-00000000000A', '0700000000007'),
               ('ben', 'ab12cd34-0000-4000-8000-00000000000b', '-9000000000009'),
               ('cat', 'ab12cd34-0000-4000-8000-00000000000c', '70000000000070'),
               ('dan', 'ab12cd34-0000-4000-8000-00000000000d', '9000000000009'),
               ('nora', 'ab12cd34-0000-4000-8000-0000000000ff', '800000000008')) AS n (name, uuid, number);
CREATE FUNCTION pg_temp.id(of_name text) RETURNS text LANGUAGE sql AS 'SELECT id FROM names WHERE name = of_name';
-- As a column of the application's holds it.
CREATE FUNCTION pg_temp.uid(of_name text) RETURNS :id_type LANGUAGE plpgsql AS 'BEGIN RETURN pg_temp.id(of_name); END';

INSERT INTO stream.users (id, name, language, created_at, updated_at)
SELECT id, name, 'it', '2024-01-01', '2024-01-01' FROM names;

GRANT USAGE ON SCHEMA app TO app_reader;
GRANT SELECT ON names TO PUBLIC;
SET LOCAL ROLE app_owner;
CREATE TABLE app.accounts (id :id_type PRIMARY KEY, email text, phone text NOT NULL, closed boolean NOT NULL DEFAULT false);
CREATE TABLE app.sessions (id integer PRIMARY KEY, account :id_type NOT NULL REFERENCES app.accounts, address inet);
CREATE TABLE app.posts (id bigint PRIMARY KEY, author :id_type REFERENCES app.accounts, title varchar(50) NOT NULL, body text,
                        tags text[] NOT NULL, removed_at timestamptz, removed_by uuid);
CREATE TABLE app.comments (id bigint PRIMARY KEY, post_id bigint NOT NULL REFERENCES app.posts, author :id_type REFERENCES app.accounts,
                           text text, hidden boolean);
CREATE TABLE app.likes (comment_id bigint REFERENCES app.comments, member :id_type REFERENCES app.accounts, at date,
                        PRIMARY KEY (comment_id, member));
CREATE TABLE app.projects (id text PRIMARY KEY, owner :id_type REFERENCES app.accounts, watchers :id_type[] NOT NULL,
                           reviewer :id_type REFERENCES app.accounts);
CREATE TABLE app.documents (id integer PRIMARY KEY, body jsonb, summary text, trashed_at timestamp);
CREATE TABLE app.invoices (id uuid PRIMARY KEY, customer :id_type REFERENCES app.accounts, amount numeric);
CREATE TABLE app.orders (id integer PRIMARY KEY, buyer :id_type REFERENCES app.accounts, address text NOT NULL, total numeric);
CREATE TABLE app.letters (id integer PRIMARY KEY, sender :id_type REFERENCES app.accounts, recipient :id_type REFERENCES app.accounts,
                          body text, deleted_at timestamptz, deleted_by uuid);
CREATE TABLE app.events (id integer, at date, actor :id_type NOT NULL, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE app.events_2023 PARTITION OF app.events FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE app.events_2024 PARTITION OF app.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE app.notes (id integer PRIMARY KEY, author :id_type REFERENCES app.accounts, text text);
ALTER TABLE app.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY nobody ON app.notes USING (false);
GRANT SELECT ON app.notes TO app_reader;

-- Who changed which post, written by a trigger
CREATE TABLE app.audit (n integer GENERATED ALWAYS AS IDENTITY, operation text, post bigint, by name DEFAULT current_user);
CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.audit (operation, post) VALUES (TG_OP, OLD.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER UPDATE OR DELETE ON app.posts FOR EACH ROW EXECUTE FUNCTION app.note();

CREATE INDEX ON app.sessions (account);
CREATE INDEX ON app.posts (author, id);
CREATE INDEX ON app.comments (author) WHERE author IS NOT NULL;
CREATE INDEX ON app.comments (post_id);
CREATE INDEX ON app.likes (member);
CREATE INDEX ON app.projects (owner);
CREATE INDEX ON app.projects USING gin (watchers);
CREATE INDEX ON app.projects USING hash (reviewer);
CREATE INDEX ON app.documents ((body #>> '{owner,id}'));
CREATE INDEX ON app.documents ((body #>> '{author}'));
CREATE INDEX ON app.documents USING gin ((body #> '{watchers}'));
CREATE INDEX ON app.documents USING gin ((body #> '{marks}'));
CREATE INDEX ON app.invoices (customer);
CREATE INDEX ON app.orders (buyer);
CREATE INDEX ON app.letters (sender);
CREATE INDEX ON app.letters (recipient);
CREATE INDEX ON app.events (actor);
CREATE INDEX ON app.notes (author);

-- Each binding as an application would write it
SELECT stream_bind_table('app.accounts', 'id', 'personal', deleted_column => 'closed', pruning => 'empty',
                         empty => '{"email": null, "phone": ""}'),
       stream_bind_table('app.sessions', 'account', 'personal', soft => 'delete'),
       stream_bind_table('app.posts', 'author', 'author', deleted_column => 'removed_at', task_column => 'removed_by',
                         empty => '{"title": "", "body": null, "tags": "{}"}', children => '{"app.comments": "post_id"}'),
       stream_bind_table('app.comments', 'author', 'author', deleted_column => 'hidden', empty => '{"text": null}',
                         children => '{"app.likes": {"columns": "comment_id", "pruning": "delete"}}'),
       stream_bind_table('app.likes', 'member', 'member'),
       stream_bind_table('app.projects', 'owner', 'owner'),
       stream_bind_table('app.projects', 'watchers', 'pointer'),
       stream_bind_table('app.projects', 'reviewer', 'pointer'),
       stream_bind_table('app.documents', 'body', 'author', path => '{author}', hard => 'keep', deleted_column => 'trashed_at',
                         empty => '{"summary": null}'),
       stream_bind_table('app.documents', 'body', 'owner', path => '{owner,id}'),
       stream_bind_table('app.documents', 'body', 'pointer', path => '{watchers,*}'),
       stream_bind_table('app.documents', 'body', 'pointer', path => '{marks,*}'),
       stream_bind_table('app.invoices', 'customer', 'author', hard => 'keep'),
       stream_bind_table('app.orders', 'buyer', 'author', hard => 'empty', empty => '{"address": ""}'),
       stream_bind_table('app.letters', 'sender', 'author', deleted_column => 'deleted_at', task_column => 'deleted_by',
                         empty => '{"body": null}'),
       stream_bind_table('app.letters', 'recipient', 'personal'),
       stream_bind_table('app.events', 'actor', 'author', mode => 'user'),
       stream_bind_table('app.notes', 'author', 'author', empty => '{"text": null}') \g /dev/null

INSERT INTO app.accounts SELECT pg_temp.uid(name), name || '@example.org', '555', name = 'dan' FROM names WHERE name <> 'almost ann';
INSERT INTO app.sessions
SELECT row_number() OVER (ORDER BY name, n), pg_temp.uid(name), '10.0.0.1' FROM unnest('{ann,ben,cat}'::text[]) AS name, generate_series(1, 2) AS n;
-- Post 3 was deleted by the application.
INSERT INTO app.posts
SELECT id, pg_temp.uid(author), 'post ' || id, 'text', '{red}', CASE WHEN id = 3 THEN timestamptz '2024-02-02' END
  FROM unnest('{ann,ann,ann,ben,ben,cat,cat,NULL}'::text[]) WITH ORDINALITY AS p (author, id);
-- Each post is commented by all; comments by cat and dan on post 6 were hidden, some don't say.
INSERT INTO app.comments
SELECT p.id * 10 + n, p.id, pg_temp.uid(name), 'comment', CASE WHEN p.id = 6 AND n > 2 OR p.id = 7 AND n = 1 THEN true WHEN n < 3 THEN false END
  FROM app.posts AS p, unnest('{ann,ben,cat,dan}'::text[]) WITH ORDINALITY AS c (name, n);
INSERT INTO app.likes SELECT c.id, pg_temp.uid(name), '2024-01-01' FROM app.comments AS c, unnest('{ann,ben,dan}'::text[]) AS name;
INSERT INTO app.projects
SELECT id, pg_temp.uid(owner), ARRAY(SELECT pg_temp.uid(w) FROM unnest(watchers) WITH ORDINALITY AS w (w, n) ORDER BY n), pg_temp.uid(reviewer)
  FROM (VALUES ('p1', 'ann', '{ann,cat,ben}'::text[], 'ben'), ('p2', 'ann', '{}', 'ann'), ('p3', 'ben', '{cat,NULL,ann,ann}', 'cat'),
               ('p4', 'cat', '{cat,dan}', 'ann'), ('p5', 'cat', '{}', NULL), ('p6', NULL, '{ann}', 'dan')) AS p (id, owner, watchers, reviewer);
INSERT INTO app.documents
SELECT id, body::jsonb - 'x', 'about', trashed_at::timestamp
  FROM (SELECT id, trashed_at, (SELECT string_agg(COALESCE(pg_temp.id(nullif(part, '')), part), '' ORDER BY n)
                                  FROM regexp_split_to_table(body, '[<>]') WITH ORDINALITY AS t (part, n)) AS body
          FROM (VALUES (1, '{"author": "<ann>", "owner": {"id": "<ann>", "since": 1}, "watchers": ["<ann>", "<cat>"]}', NULL),
                       (2, '{"author": "<ann>", "watchers": ["<ben>", "<ann>", 7, {"id": "x"}], "marks": {"<ann>": 5, "<cat>": 4}}', '2024-02-02'),
                       (3, '{"author": "<ben>", "owner": {"id": "<ann>"}, "watchers": [], "marks": {"<ann>": 5, "<ben>": 3}}', NULL),
                       (4, '{"author": "<cat>", "owner": {"id": "<cat>"}, "watchers": ["<almost ann>", "<cat>"], "marks": {"<almost ann>": 1}}', NULL),
                       (5, '{"author": "<almost ann>", "owner": {"id": "<almost ann>"}}', NULL),
                       (6, '{"author": {"id": 1}, "owner": "nobody", "watchers": "none", "marks": []}', NULL),
                       (7, '[1, 2]', NULL), (8, NULL, NULL)) AS d (id, body, trashed_at)) AS d;
INSERT INTO app.invoices
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, pg_temp.uid(name), n
  FROM unnest('{ann,ann,ben,cat,NULL}'::text[]) WITH ORDINALITY AS i (name, n);
INSERT INTO app.orders SELECT n, pg_temp.uid(name), 'Via Roma 1', n FROM unnest('{ann,ann,ben,cat,NULL}'::text[]) WITH ORDINALITY AS o (name, n);
INSERT INTO app.letters
SELECT n, pg_temp.uid(sender), pg_temp.uid(recipient), 'dear', CASE WHEN n = 6 THEN timestamptz '2024-02-02' END
  FROM (VALUES (1, 'ann', 'cat'), (2, 'cat', 'ann'), (3, 'ann', 'ben'), (4, 'ben', 'ann'), (5, 'ann', 'ann'), (6, 'ann', 'dan'),
               (7, 'cat', 'dan'), (8, NULL, 'ann'), (9, 'ben', NULL)) AS l (n, sender, recipient);
INSERT INTO app.events
SELECT n, at, pg_temp.uid(name), 'login' FROM unnest('{ann,ben,cat}'::text[]) WITH ORDINALITY AS e (name, n), unnest('{2023-05-05,2024-01-01}'::date[]) AS at;
INSERT INTO app.notes SELECT n, pg_temp.uid(name), 'text' FROM unnest('{ann,ann,ben,cat,NULL}'::text[]) WITH ORDINALITY AS o (name, n);
RESET ROLE;

CREATE FUNCTION pg_temp.watched_tables() RETURNS SETOF regclass LANGUAGE sql AS $$
    SELECT 'stream.users'::regclass
    UNION ALL
    SELECT oid::regclass FROM pg_class
     WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'audit'
$$;
\ir everything.sql
