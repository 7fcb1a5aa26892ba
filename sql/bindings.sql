-- What binding a table of the application shows: the answer, and the warning with the index to make,
-- which is silent once that very line was run.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
CREATE SCHEMA bind;
CREATE TABLE bind.posts (id bigint, part text, author uuid, "co author" text, watchers bigint[], doc jsonb,
                         PRIMARY KEY (part, id));
CREATE TABLE bind.comments (id bigint PRIMARY KEY, post bigint, part text);
CREATE FUNCTION bind.columns() RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT stream_bind_table('bind.posts', 'author', 'author', children => '{"bind.comments": ["part", "post"]}') - 'duration'
    UNION ALL SELECT stream_bind_table('bind.posts', 'co author', 'owner') - 'duration'
    UNION ALL SELECT stream_bind_table('bind.posts', 'watchers', 'pointer') - 'duration'
    UNION ALL SELECT stream_bind_table('bind.posts', 'doc', 'owner', path => ARRAY['own,er', 'it''s "id"']) - 'duration'
    UNION ALL SELECT stream_bind_table('bind.posts', 'doc', 'pointer', path => '{seen,by,*}') - 'duration'
$$;
SELECT * FROM bind.columns();

-- The lines that were suggested
CREATE INDEX ON bind.comments (part, post);
CREATE INDEX ON bind.posts (author, part, id);
CREATE INDEX ON bind.posts ("co author", part, id);
CREATE INDEX ON bind.posts USING gin (watchers);
CREATE INDEX ON bind.posts ((doc #>> '{"own,er","it''s \"id\""}'));
CREATE INDEX ON bind.posts USING gin ((doc #> '{seen,by}'));
SELECT * FROM bind.columns();

-- Others that serve as well, and some that don't
DROP INDEX bind.posts_author_part_id_idx, "bind"."posts_co author_part_id_idx", bind.posts_watchers_idx, bind.comments_part_post_idx;
CREATE INDEX ON bind.posts (author) WHERE author IS NOT NULL;
CREATE INDEX ON bind.posts USING hash ("co author");
CREATE INDEX ON bind.posts USING gin (watchers) WHERE watchers <> '{}';
CREATE INDEX ON bind.comments (post, part);
SELECT * FROM bind.columns();
DROP INDEX bind.posts_author_idx, "bind"."posts_co author_idx", bind.posts_watchers_idx, bind.comments_post_part_idx;
CREATE INDEX ON bind.posts (author) WHERE id > 0;
CREATE INDEX ON bind.posts (part, "co author");
CREATE INDEX ON bind.posts (watchers);
CREATE INDEX ON bind.comments (part);
SELECT * FROM bind.columns();

-- An unknown kind, as psql shows it
SELECT stream_bind_table('bind.posts', 'author', 'writer');
SELECT stream_unbind_table('bind.posts') - 'duration';
SELECT stream_unbind_table('bind.posts');
DROP SCHEMA bind CASCADE;
