-- What the suites of moderation begin with, to be included by \ir inside a test's transaction: the
-- world, a soft-deleted user and one that is being erased; a refusal must leave all of it as it was.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir refused.sql
\ir world.sql
CREATE OR REPLACE FUNCTION pg_temp.contents() RETURNS text LANGUAGE sql AS 'SELECT pg_temp.everything_and_queue()';

SELECT stream_upsert_users('[{"id":"soft"},{"id":"erasing"}]') \g /dev/null
SELECT stream_delete_users('{soft}') \g /dev/null
CALL stream_run_tasks(until_idle => true);
SELECT stream_delete_users('{erasing}', 'hard', 'hard', 'hard', 'hard') \g /dev/null
