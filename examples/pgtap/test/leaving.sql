-- Leaving, coming back, being forgotten. task_completes runs the tasks of the test's own transaction, so
-- nothing of this is left in the database.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users_pgtap;
\ir people.sql
SELECT plan(20);

SELECT user_has_rows('ann', 'kitchen.recipes', 'cook', 2, 'ann has two recipes');

-- Leaving hides what a member has published, and coming back shows it again.
SELECT kitchen.leave('ann') AS task \gset
SELECT user_is_deleted('ann', 'soft', 'who leaves is gone at once');
SELECT user_cannot_connect('ann', 17);
SELECT task_completes(:'task', '10 seconds', 'the rest follows by a task');
SELECT is((SELECT array_agg(title ORDER BY title) FROM kitchen.recipes WHERE removed_at IS NULL), '{Toast}', 'her recipes are hidden');
SELECT user_has_rows('ann', 'kitchen.orders', 'buyer', 1, 'her orders are kept');
SELECT kitchen.come_back('ann') AS task \gset
SELECT user_is_not_deleted('ann', 'who comes back is there at once');
SELECT task_completes(:'task', '10 seconds');
SELECT is((SELECT count(*) FROM kitchen.recipes WHERE removed_at IS NULL), 3::bigint, 'with her recipes');

-- Being forgotten leaves nothing but what the books need.
SELECT kitchen.forget('ann', 'bob') AS task \gset
SELECT task_completes(:'task', '10 seconds', 'ann is forgotten');
SELECT user_does_not_exist('ann');
SELECT no_trace_of('ann', 'nothing holds her id');
SELECT is_empty($$SELECT FROM kitchen.recipes WHERE title IN ('Soup', 'Salad')$$, 'her recipes are gone');
SELECT user_has_rows('bob', 'kitchen.ratings', 'user_id', 0, 'with the ratings that others gave to them');
SELECT results_eq('SELECT address, total FROM kitchen.orders WHERE buyer IS NULL', $$VALUES (NULL::text, 12::numeric)$$,
                  'her order stays in the books, without her');
SELECT is((SELECT owner FROM kitchen.clubs WHERE name = 'Soups'), 'bob', 'bob has her club');
SELECT user_is_active('bob', 'others are as they were');
SELECT user_has_rows('bob', 'kitchen.recipes', 'cook', 1, 'and so are their recipes');

-- A deletion that goes wrong says so.
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'recipes are read-only' USING ERRCODE = '25006'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON kitchen.recipes FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
SELECT kitchen.leave('bob') AS task \gset
SELECT task_fails(:'task', error_type => '25006', description => 'a task that can''t do its work fails');
SELECT user_is_deleted('bob', 'soft', 'and can be retried once the reason is gone');

SELECT * FROM finish();
ROLLBACK;
