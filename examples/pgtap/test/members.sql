-- Signing up, pausing, being banned.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users_pgtap;
\ir people.sql
SELECT plan(15);

SELECT user_exists('ann', 'signing up makes a user');
SELECT user_has('ann', 'custom.plan', '"pro"', 'with the plan that was chosen');
SELECT user_has('bob', 'custom.plan', '"free"', 'or the free one');
SELECT user_has('ann', 'image', NULL, 'and without a picture');
SELECT user_matches_query('ann', '{"custom.plan": "pro", "name": {"$autocomplete": "an"}}', 'who pays is found among those who pay');
SELECT user_does_not_match_query('bob', '{"custom.plan": "pro"}', 'and others are not');
SELECT user_can_connect('ann');
SELECT user_cannot_connect('dan', 16, 'who has not signed up stays outside');

SELECT kitchen.pause('ann') \g /dev/null
SELECT user_is_deactivated('ann', 'a member can pause');
SELECT user_cannot_connect('ann', 17, 'and is outside meanwhile');
SELECT throws_ok($$INSERT INTO kitchen.recipes (cook, title) VALUES ('ann', 'Stew')$$, 'ST017', NULL,
                 'and publishes nothing');
SELECT stream_reactivate_user('ann') \g /dev/null
SELECT user_is_active('ann', 'the pause ends');

SELECT stream_ban_user('bob', 'ann', 'rude', timeout_minutes => 60) \g /dev/null
SELECT user_is_banned('bob', description => 'who is rude is banned');
SELECT user_cannot_connect('bob', 17, 'and outside for an hour');
SELECT stream_unban_user('bob') \g /dev/null
SELECT user_is_not_banned('bob', description => 'unless forgiven');

SELECT * FROM finish();
ROLLBACK;
