-- stream_query_banned_users: filters, order, pages, and what is refused by its path.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;
RESET client_min_messages;
\ir lib/refused.sql
SET LOCAL timezone = 'UTC';
DELETE FROM stream.bans;

SELECT stream_upsert_users('[{"id":"ann","name":"Ann"},{"id":"bob"},{"id":"cid"},{"id":"dee"},{"id":"mod"}]', false) \g /dev/null
INSERT INTO stream.channels (cid, team, custom, created_at, updated_at) VALUES ('team:1', 'red', '{"topic": "x"}', '2024-01-01', '2024-01-01');
-- Named here by who is banned, from where, by whom and on which day of January 2024.
INSERT INTO stream.bans (target_user_id, channel_cid, banned_by_id, reason, shadow, expires, created_at) VALUES
    ('ann', '', 'mod', 'spam and more spam', false, NULL, '2024-01-01'),
    ('bob', '', 'mod', NULL, true, now() + interval '1 hour', '2024-01-02'),
    ('cid', '', NULL, 'Rude words', false, now() - interval '1 second', '2024-01-03'),
    ('ann', 'team:1', 'bob', 'spam', false, NULL, '2024-01-04'),
    ('bob', 'team:2', 'bob', '100%', false, now() - interval '1 second', '2024-01-05'),
    ('zoe', '', 'zed', NULL, false, NULL, '2024-01-06 00:00:00.000001');

-- The bans a query finds, in its order, by their day.
CREATE FUNCTION pg_temp.days(query jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(extract(day FROM to_timestamp((ban ->> 'created_at')::numeric / 1000000000))::text, ' ' ORDER BY n)
      FROM jsonb_array_elements(stream_query_banned_users(query) -> 'bans') WITH ORDINALITY AS b (ban, n)
$$;
CREATE FUNCTION pg_temp.found(filter jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT COALESCE(pg_temp.days(jsonb_build_object('filter_conditions', filter, 'sort', '[{"field": "created_at"}]'::jsonb)), '')
$$;

CREATE TEMPORARY TABLE filters (n integer GENERATED ALWAYS AS IDENTITY, rule text, filter jsonb, days text);
INSERT INTO filters (rule, filter, days) VALUES
    ('no condition finds all bans', '{}', '1 2 3 4 5 6'),
    ('user_id', '{"user_id": "ann"}', '1 4'),
    ('user_id $eq', '{"user_id": {"$eq": "ann"}}', '1 4'),
    ('user_id $in', '{"user_id": {"$in": ["ann", "cid", "nobody"]}}', '1 3 4'),
    ('user_id $in of nobody', '{"user_id": {"$in": []}}', ''),
    ('user_id $gt', '{"user_id": {"$gt": "bob"}}', '3 6'),
    ('user_id $gte and $lt', '{"user_id": {"$gte": "bob", "$lt": "zoe"}}', '2 3 5'),
    ('user_id $lte', '{"user_id": {"$lte": "ann"}}', '1 4'),
    ('banned_by_id', '{"banned_by_id": "bob"}', '4 5'),
    ('banned_by_id $in', '{"banned_by_id": {"$in": ["mod", "zed"]}}', '1 2 6'),
    ('banned_by_id $gt', '{"banned_by_id": {"$gt": "mod"}}', '6'),
    ('banned_by_id $exists', '{"banned_by_id": {"$exists": false}}', '3'),
    ('channel_cid', '{"channel_cid": "team:1"}', '4'),
    ('channel_cid $in', '{"channel_cid": {"$in": ["team:1", "team:2", "team:3"]}}', '4 5'),
    ('channel_cid $exists', '{"channel_cid": {"$exists": true}}', '4 5'),
    ('bans from the whole application have no channel_cid', '{"channel_cid": {"$exists": false}}', '1 2 3 6'),
    ('and in $nor', '{"$nor": [{"channel_cid": {"$exists": true}}]}', '1 2 3 6'),
    ('created_at', '{"created_at": "2024-01-03T00:00:00Z"}', '3'),
    ('created_at in nanoseconds', '{"created_at": 1704240000000000000}', '3'),
    ('created_at $in', '{"created_at": {"$in": ["2024-01-01T01:00:00+01:00", 1704240000000000000]}}', '1 3'),
    ('created_at $gt and $lte', '{"created_at": {"$gt": "2024-01-03T00:00:00Z", "$lte": "2024-01-05T00:00:00Z"}}', '4 5'),
    ('created_at $gte', '{"created_at": {"$gte": "2024-01-05T00:00:00Z"}}', '5 6'),
    ('created_at $lt', '{"created_at": {"$lt": "2024-01-02T00:00:00Z"}}', '1'),
    ('created_at knows nanoseconds', '{"created_at": {"$gt": "2024-01-06T00:00:00.0000009Z"}}', '6'),
    ('reason', '{"reason": "spam"}', '4'),
    ('reason $in', '{"reason": {"$in": ["spam", "100%"]}}', '4 5'),
    ('reason $exists', '{"reason": {"$exists": false}}', '2 6'),
    ('reason $autocomplete', '{"reason": {"$autocomplete": "WORD"}}', '3'),
    ('reason $gt', '{"reason": {"$gt": "spam"}}', '1'),
    ('several fields', '{"user_id": "ann", "reason": "spam"}', '4'),
    ('$or', '{"$or": [{"user_id": "cid"}, {"reason": "spam"}]}', '3 4'),
    ('$and and $nor', '{"$and": [{"banned_by_id": "mod"}, {"$nor": [{"user_id": "ann"}]}]}', '2'),
    ('quotes are part of a value', '{"reason": "x'' OR true --"}', ''),
    ('wildcards are, too', '{"reason": {"$autocomplete": "%"}}', '');

CREATE TEMPORARY TABLE queries (n integer GENERATED ALWAYS AS IDENTITY, rule text, query jsonb, days text);
INSERT INTO queries (rule, query, days) VALUES
    ('the newest ban comes first', '{}', '6 5 4 3 2 1'),
    ('null options count as left out', '{"filter_conditions": null, "sort": null, "limit": null, "offset": null, "exclude_expired_bans": null, "created_at_after": null}', '6 5 4 3 2 1'),
    ('other keys of clients are ignored', '{"user_id": "mod", "user": {"id": "mod"}, "sort": [{"field": "created_at", "direction": 1, "type": "date"}]}', '1 2 3 4 5 6'),
    ('sort by user_id, then created_at', '{"sort": [{"field": "user_id", "direction": -1}, {"field": "created_at", "direction": -1}]}', '6 3 5 2 4 1'),
    ('sort by banned_by_id: missing values last', '{"sort": [{"field": "banned_by_id"}]}', '4 5 1 2 6 3'),
    ('sort by channel_cid: bans from the application last', '{"sort": [{"field": "channel_cid"}]}', '4 5 1 2 3 6'),
    ('in both directions', '{"sort": [{"field": "channel_cid", "direction": -1}]}', '5 4 1 2 3 6'),
    ('sort by reason', '{"sort": [{"field": "reason"}], "filter_conditions": {"reason": {"$in": ["100%", "spam", "spam and more spam"]}}}', '5 4 1'),
    ('ties are ordered by user and channel', '{"sort": [{"field": "reason"}], "filter_conditions": {"reason": {"$exists": false}}}', '2 6'),
    ('limit', '{"limit": 2}', '6 5'),
    ('limit 0 means the default', '{"limit": 0}', '6 5 4 3 2 1'),
    ('offset', '{"limit": 2, "offset": 3}', '3 2'),
    ('bans that have run out can be left out', '{"exclude_expired_bans": true}', '6 4 2 1'),
    ('and are not otherwise', '{"exclude_expired_bans": false}', '6 5 4 3 2 1'),
    ('created_at_after', '{"created_at_after": "2024-01-05T00:00:00Z"}', '6'),
    ('created_at_after_or_equal', '{"created_at_after_or_equal": "2024-01-05T00:00:00Z"}', '6 5'),
    ('created_at_before', '{"created_at_before": 1704153600000000000}', '1'),
    ('created_at_before_or_equal', '{"created_at_before_or_equal": 1704153600000000000}', '2 1'),
    ('they add to the filter', '{"created_at_after": "2024-01-01T00:00:00Z", "filter_conditions": {"user_id": "ann"}}', '4');

CREATE TEMPORARY TABLE refusals (n integer GENERATED ALWAYS AS IDENTITY, query text, path text, rule text);
INSERT INTO refusals (query, path, rule) VALUES
    ('[]', NULL, 'a query that is an array'),
    ('"x"', NULL, 'a query that is a string'),
    ('{"filter_conditions": []}', 'filter_conditions', 'a filter that is an array'),
    ('{"filter_conditions": {"shadow": true}}', 'filter_conditions.shadow', 'a field that bans can''t be filtered by'),
    ('{"filter_conditions": {"custom.a": 1}}', 'filter_conditions.custom.a', 'a path into custom data'),
    ('{"filter_conditions": {"b.reason) OR true --": 1}}', 'filter_conditions.b.reason) OR true --', 'a field that is SQL'),
    ('{"filter_conditions": {"user_id": 1}}', 'filter_conditions.user_id', 'a user_id that is a number'),
    ('{"filter_conditions": {"user_id": null}}', 'filter_conditions.user_id', 'a user_id that is null'),
    ('{"filter_conditions": {"user_id": {}}}', 'filter_conditions.user_id', 'no operator'),
    ('{"filter_conditions": {"user_id": {"$ne": "ann"}}}', 'filter_conditions.user_id.$ne', 'an operator that the field does not have'),
    ('{"filter_conditions": {"user_id": {"$like": "ann"}}}', 'filter_conditions.user_id.$like', 'an unknown operator'),
    ('{"filter_conditions": {"user_id": {"$in": "ann"}}}', 'filter_conditions.user_id.$in', '$in of a string'),
    ('{"filter_conditions": {"user_id": {"$in": ["ann", 2]}}}', 'filter_conditions.user_id.$in[1]', '$in with a number in it'),
    ('{"filter_conditions": {"channel_cid": {"$gt": "a"}}}', 'filter_conditions.channel_cid.$gt', '$gt of channel_cid'),
    ('{"filter_conditions": {"channel_cid": {"$exists": "yes"}}}', 'filter_conditions.channel_cid.$exists', '$exists of a string'),
    ('{"filter_conditions": {"created_at": "yesterday"}}', 'filter_conditions.created_at', 'a time that is none'),
    ('{"filter_conditions": {"created_at": {"$gt": "2024-02-30T00:00:00Z"}}}', 'filter_conditions.created_at.$gt', 'a day that is none'),
    ('{"filter_conditions": {"$or": [{"user_id": "ann"}, {"reason": 2}]}}', 'filter_conditions.$or[1].reason', 'a bad value inside $or'),
    ('{"filter_conditions": {"$or": []}}', 'filter_conditions.$or', '$or of nothing'),
    ('{"filter_conditions": {"$not": {}}}', 'filter_conditions.$not', 'an unknown combination'),
    ('{"sort": {"field": "user_id"}}', 'sort', 'a sort that is an object'),
    ('{"sort": [{"field": "expires"}]}', 'sort[0].field', 'an unknown field to sort by'),
    ('{"sort": [{"field": "user_id"}, {"direction": 1}]}', 'sort[1].field', 'a sort without a field'),
    ('{"sort": [{"field": "user_id", "direction": 2}]}', 'sort[0].direction', 'a direction that is none'),
    ('{"limit": 101}', 'limit', 'a limit above 100'),
    ('{"limit": -1}', 'limit', 'a limit below 0'),
    ('{"limit": "5"}', 'limit', 'a limit that is a string'),
    ('{"offset": 1001}', 'offset', 'an offset above 1000'),
    ('{"exclude_expired_bans": "true"}', 'exclude_expired_bans', 'exclude_expired_bans that is a string'),
    ('{"created_at_after": "now"}', 'created_at_after', 'a bad created_at_after'),
    ('{"created_at_before_or_equal": true}', 'created_at_before_or_equal', 'a bad created_at_before_or_equal');

SELECT plan((SELECT count(*)::integer FROM filters) + (SELECT count(*)::integer FROM queries) + (SELECT count(*)::integer FROM refusals) + 13);

SELECT is(pg_temp.found(filter), days, 'filter: ' || rule) FROM filters ORDER BY n;
SELECT is(pg_temp.days(query), days, 'query: ' || rule) FROM queries ORDER BY n;
SELECT pg_temp.refused(format('SELECT stream_query_banned_users(%L)', query), 'QueryBannedUsers', 4, path, NULL, rule || ' is refused')
  FROM refusals ORDER BY n;

-- What a ban looks like
CREATE FUNCTION pg_temp.ban(filter jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT stream_query_banned_users(jsonb_build_object('filter_conditions', filter)) #> '{bans,0}'
$$;
SELECT is(stream_query_banned_users() ? 'duration', true, 'the answer has its duration');
SELECT is(pg_temp.ban('{"user_id": "ann", "reason": "spam"}') - '{user,banned_by}'::text[],
          '{"reason": "spam", "shadow": false, "created_at": 1704326400000000000,
            "channel": {"cid": "team:1", "type": "team", "id": "1", "team": "red", "custom": {"topic": "x"},
                        "created_at": 1704067200000000000, "updated_at": 1704067200000000000}}',
          'a ban from a channel shows the channel, and no end where there is none');
SELECT is(pg_temp.ban('{"user_id": "ann", "reason": "spam"}') -> 'user', stream_get_user('ann') - '{duration,devices,mutes,channel_mutes,unread_count,total_unread_count,unread_channels,unread_threads}'::text[],
          'the user in short form');
SELECT is(pg_temp.ban('{"user_id": "ann", "reason": "spam"}') #>> '{banned_by,id}', 'bob', 'and the one who banned');
SELECT is(pg_temp.ban('{"user_id": "bob", "channel_cid": {"$exists": false}}') - '{user,banned_by}'::text[],
          jsonb_build_object('shadow', true, 'created_at', 1704153600000000000,
                             'expires', (extract(epoch FROM now() + interval '1 hour') * 1000000)::bigint * 1000),
          'a ban from the application shows no channel, but its end');
SELECT ok(NOT pg_temp.ban('{"user_id": "cid"}') ? 'banned_by', 'nobody is shown where nobody is named');
SELECT is(pg_temp.ban('{"channel_cid": "team:2"}') -> 'channel', '{"cid": "team:2", "type": "team", "id": "2"}', 'of a channel that is not there the cid is known');
SELECT is(pg_temp.ban('{"user_id": "zoe"}') -> 'user', '{"id": "zoe"}', 'of a user who is not there the id is known');
SELECT stream_delete_users('{ann}') \g /dev/null
SELECT ok(pg_temp.ban('{"user_id": "ann"}') -> 'user' ? 'deleted_at', 'bans of deleted users are shown');

-- Many
INSERT INTO stream.bans (target_user_id, banned_by_id, created_at)
SELECT 'many-' || lpad(i::text, 4, '0'), 'mod', timestamptz '2024-02-01' + i * interval '1 minute' FROM generate_series(1, 1500) AS i;
SELECT is(jsonb_array_length(stream_query_banned_users() -> 'bans'), 30, 'a page has 30 bans');
SELECT is(jsonb_array_length(stream_query_banned_users('{"limit": 100}') -> 'bans'), 100, 'or up to 100');
SELECT is(stream_query_banned_users('{"offset": 1000, "limit": 1}') #>> '{bans,0,user,id}', 'many-0500', 'an offset leads up to 1000 bans on');
SELECT is(stream_query_banned_users(jsonb_build_object('limit', 1, 'created_at_before', '2024-02-01T01:00:00Z')) #>> '{bans,0,user,id}', 'many-0059',
          'deeper pages go by created_at');

SELECT * FROM finish();
ROLLBACK;
