-- stream_query_users: what matches, in which order, which page, and what is refused.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS stream_users;

SELECT plan(195);

SET LOCAL stream_users.presence_timeout = 0;
DELETE FROM stream.users;
INSERT INTO stream.users (id, role, name, teams, language, invisible, online, last_active, created_at, updated_at,
                          deactivated_at, deleted_at, custom)
VALUES ('ann', 'admin', 'Ann Lee', '{red,blue}', 'en', false, true, '2024-06-01Z', '2024-01-01Z', '2024-02-04Z', NULL, NULL,
        '{"color": "red", "score": 10, "tags": ["a", "b"], "address": {"city": "Oslo", "zip": 1}, "nothing": null}'),
       ('bob', 'user', 'Bob Ann-Marie', '{blue}', '', false, false, '2024-06-02Z', '2024-01-02Z', '2024-02-03Z', NULL, NULL,
        '{"color": "blue", "score": 2, "tags": ["b", ["a"]], "address": {"city": "Oslo"}}'),
       ('cid', 'user', NULL, '{}', '', true, false, NULL, '2024-01-03Z', '2024-02-02Z', NULL, NULL,
        '{"color": "Red", "score": "10", "tags": "a", "a.b": 1, "it''s \"x\"": {"y z": true}, "back\\slash": 1}'),
       ('dee-dee', 'moderator', '100% O''Brien', '{green}', 'fr-CA', false, false, NULL, '2024-01-04Z', '2024-02-01Z', NULL, NULL,
        '{"score": 9.5, "a": {"b": 2}, "flag": true}'),
       ('gone', 'user', 'Gone', '{}', '', false, false, NULL, '2024-01-05Z', '2024-01-05Z', NULL, '2024-03-01Z', '{}'),
       ('off', 'user', 'Off', '{}', '', false, false, NULL, '2024-01-06Z', '2024-01-06Z', '2024-03-02Z', NULL, '{}');
INSERT INTO stream.bans (target_user_id, channel_cid, shadow, expires)
VALUES ('ann', 'messaging:x', false, NULL),
       ('bob', '', false, NULL),
       ('cid', '', true, now() + interval '1 hour'),
       ('dee-dee', '', false, now() - interval '1 hour');

-- The ids a query returns, in its order.
CREATE FUNCTION pg_temp.found(query jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(u ->> 'id', ' ' ORDER BY n), '')
    FROM jsonb_array_elements(stream_query_users(query) -> 'users') WITH ORDINALITY AS e (u, n)
$$;

-- SQLSTATE and path of what a query is refused with.
CREATE FUNCTION pg_temp.refusal(query jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM stream_query_users(query);
    RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || coalesce(detail::jsonb ->> 'path', '');
END
$$;


-- What a filter matches, by id.
SELECT is(pg_temp.found(jsonb_build_object('filter_conditions', filter::jsonb, 'sort', '[{"field": "id"}]'::jsonb)),
          expected, behaviour)
FROM (VALUES
    ('no filter returns everybody who is neither deactivated nor deleted', '{}', 'ann bob cid dee-dee'),

    ('a bare value means equality', '{"id": "bob"}', 'bob'),
    ('several fields in one object must all match', '{"role": "user", "name": "Bob Ann-Marie"}', 'bob'),
    ('several operators of one field must all match', '{"id": {"$gt": "ann", "$lt": "dee-dee"}}', 'bob cid'),
    ('$ne on id matches the others', '{"id": {"$ne": "bob"}}', 'ann cid dee-dee'),
    ('$in matches the listed ids', '{"id": {"$in": ["bob", "ann", "nobody"]}}', 'ann bob'),
    ('$in of nothing matches nobody', '{"id": {"$in": []}}', ''),
    ('$nin matches the ids that are not listed', '{"id": {"$nin": ["bob", "ann"]}}', 'cid dee-dee'),
    ('$nin of nothing matches everybody', '{"id": {"$nin": []}}', 'ann bob cid dee-dee'),
    ('$gte and $lte include their bounds', '{"id": {"$gte": "bob", "$lte": "cid"}}', 'bob cid'),
    ('every user has an id', '{"id": {"$exists": true}}', 'ann bob cid dee-dee'),
    ('no user lacks an id', '{"id": {"$exists": false}}', ''),
    ('$autocomplete on id finds a word after a hyphen', '{"id": {"$autocomplete": "DE"}}', 'dee-dee'),

    ('$exists true finds users with a name', '{"name": {"$exists": true}}', 'ann bob dee-dee'),
    ('$exists false finds users without a name', '{"name": {"$exists": false}}', 'cid'),
    ('$autocomplete finds the beginning of a name whatever its case', '{"name": {"$autocomplete": "aNN l"}}', 'ann'),
    ('$autocomplete finds the beginning of a word', '{"name": {"$autocomplete": "ann"}}', 'ann bob'),
    ('$autocomplete finds a word after an apostrophe', '{"name": {"$autocomplete": "bri"}}', 'dee-dee'),
    ('$autocomplete does not find the inside of a word', '{"name": {"$autocomplete": "ee"}}', ''),
    ('$autocomplete takes every character for itself', '{"name": {"$autocomplete": ".*"}}', ''),
    ('$autocomplete takes a percent sign for itself', '{"name": {"$autocomplete": "100%"}}', 'dee-dee'),
    ('name compares with $gt and $lte', '{"name": {"$gt": "100% O''Brien", "$lte": "Ann Lee"}}', 'ann'),

    ('role equals', '{"role": "admin"}', 'ann'),
    ('role is among the listed', '{"role": {"$in": ["admin", "moderator"]}}', 'ann dee-dee'),
    ('role compares with $gte', '{"role": {"$gte": "moderator"}}', 'bob cid dee-dee'),
    ('language equals', '{"language": "fr-CA"}', 'dee-dee'),
    ('language is among the listed', '{"language": {"$in": ["en", "fr-CA"]}}', 'ann dee-dee'),
    ('an empty language is a value', '{"language": ""}', 'bob cid'),

    ('teams equal as a set, in any order', '{"teams": {"$eq": ["blue", "red"]}}', 'ann'),
    ('teams do not equal a part of them', '{"teams": ["red"]}', ''),
    ('teams equal although one is listed twice', '{"teams": ["blue", "blue"]}', 'bob'),
    ('teams equal the empty list when there are none', '{"teams": []}', 'cid'),
    ('$in on teams matches any overlap', '{"teams": {"$in": ["blue", "green"]}}', 'ann bob dee-dee'),
    ('$in on teams of nothing matches nobody', '{"teams": {"$in": []}}', ''),
    ('$contains on teams matches one team', '{"teams": {"$contains": "blue"}}', 'ann bob'),
    ('$contains null finds users without a team', '{"teams": {"$contains": null}}', 'cid'),
    ('teams equal to null finds users without a team', '{"teams": null}', 'cid'),

    ('banned is an app-wide ban in force', '{"banned": true}', 'bob'),
    ('not banned includes channel bans, shadow bans and bans that ran out', '{"banned": false}', 'ann cid dee-dee'),
    ('$ne true on banned is the same as false', '{"banned": {"$ne": true}}', 'ann cid dee-dee'),
    ('conditions on the same bans combine',
     '{"$or": [{"$and": [{"banned": false}, {"shadow_banned": false}, {"banned": {"$ne": true}}]}, {"$nor": [{"banned": false}]}]}',
     'ann bob dee-dee'),
    ('shadow_banned is a shadow ban in force', '{"shadow_banned": true}', 'cid'),
    ('online users are found', '{"online": true}', 'ann'),
    ('$ne on online finds the others', '{"online": {"$ne": true}}', 'bob cid dee-dee'),
    ('invisible users are found', '{"invisible": {"$eq": true}}', 'cid'),

    ('a time is an RFC 3339 string', '{"created_at": {"$gt": "2024-01-02T00:00:00Z"}}', 'cid dee-dee'),
    ('an RFC 3339 string may have an offset and a fraction',
     '{"created_at": {"$gte": "2024-01-02T01:30:00.000000+01:30"}}', 'bob cid dee-dee'),
    ('a time is an integer of epoch nanoseconds', '{"created_at": 1704153600000000000}', 'bob'),
    ('a nanosecond later is later', '{"created_at": {"$gte": 1704153600000000001}}', 'cid dee-dee'),
    ('a nanosecond later still has the earlier ones before it', '{"created_at": {"$lt": 1704153600000000001}}', 'ann bob'),
    ('a time between two microseconds equals none', '{"created_at": {"$eq": 1704153600000000001}}', ''),
    ('$in takes times of both kinds',
     '{"created_at": {"$in": ["2024-01-01T00:00:00Z", 1704153600000000000, 1]}}', 'ann bob'),
    ('updated_at compares', '{"updated_at": {"$lte": "2024-02-02T00:00:00Z"}}', 'cid dee-dee'),
    ('last_active exists', '{"last_active": {"$exists": true}}', 'ann bob'),
    ('a missing last_active is not before anything', '{"last_active": {"$lt": "9999-12-31T23:59:59Z"}}', 'ann bob'),
    ('a time before the epoch is a time', '{"created_at": {"$gt": -1}}', 'ann bob cid dee-dee'),

    ('custom data equals by its path', '{"custom.color": "red"}', 'ann'),
    ('a bare name that is no field is custom data', '{"color": "red"}', 'ann'),
    ('a path leads into objects', '{"custom.address.city": "Oslo"}', 'ann bob'),
    ('a bare name leads into objects, too', '{"address.zip": 1}', 'ann'),
    ('a number is not a string', '{"custom.score": 10}', 'ann'),
    ('numbers are equal however they are written', '{"custom.score": 10.0}', 'ann'),
    ('an object equals only the whole object', '{"custom.address": {"city": "Oslo"}}', 'bob'),
    ('an object equals with $eq', '{"custom.address": {"$eq": {"zip": 1, "city": "Oslo"}}}', 'ann'),
    ('an array equals only the whole array', '{"custom.tags": ["a", "b"]}', 'ann'),
    ('an array does not equal in another order', '{"custom.tags": ["b", "a"]}', ''),
    ('true equals true', '{"custom.flag": true}', 'dee-dee'),
    ('null is a value that custom data may have', '{"custom.nothing": null}', 'ann'),
    ('all of custom data equals', '{"custom": {}}', ''),
    ('$ne on custom data matches where it is missing', '{"custom.color": {"$ne": "red"}}', 'bob cid dee-dee'),
    ('$ne on an object matches where it is missing', '{"custom.address": {"$ne": {"city": "Oslo"}}}', 'ann cid dee-dee'),
    ('$in on custom data matches listed values', '{"custom.color": {"$in": ["red", "blue"]}}', 'ann bob'),
    ('$in on custom data matches listed objects whole', '{"custom.address": {"$in": [{"city": "Oslo"}, 3]}}', 'bob'),
    ('$in on custom data of nothing matches nobody', '{"custom.color": {"$in": []}}', ''),
    ('$nin on custom data matches where it is missing', '{"custom.color": {"$nin": ["red", "blue"]}}', 'cid dee-dee'),
    ('$nin on custom data of nothing matches everybody', '{"custom.color": {"$nin": []}}', 'ann bob cid dee-dee'),
    ('$contains finds an array with the element', '{"custom.tags": {"$contains": "a"}}', 'ann'),
    ('$contains finds an array as an element', '{"custom.tags": {"$contains": ["a"]}}', 'bob'),
    ('$contains takes no part of an element for it', '{"custom.tags": {"$contains": []}}', ''),
    ('numbers compare as numbers', '{"custom.score": {"$gt": 9}}', 'ann dee-dee'),
    ('numbers are not compared with strings', '{"custom.score": {"$lt": 1000}}', 'ann bob dee-dee'),
    ('strings compare with strings only', '{"custom.score": {"$lte": "10"}}', 'cid'),
    ('$exists finds custom data', '{"custom.address.zip": {"$exists": true}}', 'ann'),
    ('null exists', '{"custom.nothing": {"$exists": true}}', 'ann'),
    ('$exists false finds users without it', '{"custom.tags": {"$exists": false}}', 'dee-dee'),
    ('a path does not lead into arrays', '{"custom.tags.0": {"$exists": true}}', ''),
    ('$autocomplete on custom data finds strings', '{"custom.color": {"$autocomplete": "RE"}}', 'ann cid'),
    ('$autocomplete on custom data passes over what is no string', '{"custom.score": {"$autocomplete": "1"}}', 'cid'),
    ('a dot in a key is written with a backslash', '{"custom.a\\.b": 1}', 'cid'),
    ('a dot without a backslash parts two keys', '{"custom.a.b": 2}', 'dee-dee'),
    ('a backslash in a key is written as it is or doubled', '{"custom.back\\slash": 1, "back\\\\slash": 1}', 'cid'),
    ('quotes and blanks in keys are nothing special', '{"custom.it''s \"x\".y z": true}', 'cid'),
    ('quotes and blanks in keys compare, too', '{"custom.it''s \"x\".y z": {"$exists": true}}', 'cid'),

    ('$and matches what all match', '{"$and": [{"role": "user"}, {"teams": {"$contains": "blue"}}]}', 'bob'),
    ('$or matches what one matches', '{"$or": [{"id": "ann"}, {"custom.color": "Red"}]}', 'ann cid'),
    ('$nor matches what none matches', '{"$nor": [{"id": "ann"}, {"role": "user"}]}', 'dee-dee'),
    ('$nor matches where the field is missing', '{"$nor": [{"last_active": {"$gt": "2024-06-01T12:00:00Z"}}]}',
     'ann cid dee-dee'),
    ('$nor over custom data matches where it is missing', '{"$nor": [{"custom.score": {"$gt": 5}}]}', 'bob cid'),
    ('combinations nest',
     '{"$or": [{"$and": [{"role": "user"}, {"$nor": [{"banned": true}]}]}, {"$nor": [{"$or": [{"role": "user"}, {"online": false}]}]}]}',
     'ann cid'),
    ('a combination and a field must both match', '{"$or": [{"id": "ann"}, {"id": "bob"}], "role": "user"}', 'bob'),
    ('an empty filter in $and matches everybody', '{"$and": [{}]}', 'ann bob cid dee-dee')
) AS t (behaviour, filter, expected);

-- What comes in which order, and which page of it.
SELECT is(pg_temp.found(query::jsonb), expected, behaviour)
FROM (VALUES
    ('users come newest first by default', '{}', 'dee-dee cid bob ann'),
    ('an empty sort is the default', '{"sort": []}', 'dee-dee cid bob ann'),
    ('a field sorts ascending when no direction is given', '{"sort": [{"field": "created_at"}]}', 'ann bob cid dee-dee'),
    ('-1 sorts descending', '{"sort": [{"field": "id", "direction": -1}]}', 'dee-dee cid bob ann'),
    ('a missing name comes last', '{"sort": [{"field": "name", "direction": 1}]}', 'dee-dee ann bob cid'),
    ('a missing name comes last in descending order, too', '{"sort": [{"field": "name", "direction": -1}]}',
     'bob ann dee-dee cid'),
    ('equal values are ordered by id', '{"sort": [{"field": "online", "direction": -1}]}', 'ann bob cid dee-dee'),
    ('a second field orders equal values of the first',
     '{"sort": [{"field": "role", "direction": -1}, {"field": "created_at", "direction": -1}]}', 'cid bob dee-dee ann'),
    ('custom data sorts, numbers as numbers, missing last',
     '{"filter_conditions": {"id": {"$ne": "cid"}}, "sort": [{"field": "custom.score", "direction": 1}]}', 'bob dee-dee ann'),
    ('a bare name sorts by custom data, missing last',
     '{"sort": [{"field": "color", "direction": -1}, {"field": "id", "direction": -1}]}', 'ann bob cid dee-dee'),
    ('null in custom data comes last like what is missing', '{"sort": [{"field": "nothing"}]}', 'ann bob cid dee-dee'),
    ('bans sort', '{"sort": [{"field": "banned", "direction": -1}]}', 'bob ann cid dee-dee'),
    ('teams sort', '{"sort": [{"field": "teams"}]}', 'cid bob dee-dee ann'),
    ('limit cuts', '{"limit": 2}', 'dee-dee cid'),
    ('a limit of 0 is the default', '{"limit": 0}', 'dee-dee cid bob ann'),
    ('offset skips', '{"limit": 2, "offset": 1}', 'cid bob'),
    ('an offset past the end returns nobody', '{"offset": 1000}', ''),
    ('deactivated users come when asked for', '{"include_deactivated_users": true}', 'off dee-dee cid bob ann'),
    ('deleted users come when asked for', '{"include_deleted_users": true}', 'gone dee-dee cid bob ann'),
    ('deactivated_at filters deactivated users',
     '{"include_deactivated_users": true, "filter_conditions": {"deactivated_at": {"$exists": true}}}', 'off'),
    ('deleted_at filters deleted users',
     '{"include_deleted_users": true, "filter_conditions": {"deleted_at": {"$gt": "2024-01-01T00:00:00Z"}}}', 'gone'),
    ('null options count as left out',
     '{"filter_conditions": null, "sort": null, "limit": null, "offset": null, "include_deleted_users": null}',
     'dee-dee cid bob ann'),
    ('keys that clients send along are ignored',
     '{"presence": true, "user_id": "x", "user": {"id": "x"}, "client_id": 1, "sort": [{"field": "id", "direction": 1, "type": ""}]}',
     'ann bob cid dee-dee')
) AS t (behaviour, query, expected);

SELECT is(stream_query_users(NULL) -> 'users' -> 0 ->> 'id', 'dee-dee', 'a null query asks for everybody');
SELECT is(stream_query_users() -> 'users' -> 0, stream_get_users('{dee-dee}') #> '{users,dee-dee}',
          'a queried user is the user that get returns');
SELECT matches(stream_query_users() ->> 'duration', '^[0-9]+\.[0-9]{2}ms$', 'the response says how long it took');

INSERT INTO stream.users (id) SELECT 'more-' || n FROM generate_series(1, 150) AS n;
SELECT is(jsonb_array_length(stream_query_users() -> 'users'), 30, 'a page has 30 users by default');
SELECT is(jsonb_array_length(stream_query_users('{"limit": 100}') -> 'users'), 100, 'a page may have 100 users');

-- What is refused, and which path the refusal names.
SELECT is(pg_temp.refusal(query::jsonb), 'ST004 ' || path, behaviour)
FROM (VALUES
    ('a query that is no object is refused', '[]', ''),
    ('filter_conditions must be an object', '{"filter_conditions": []}', 'filter_conditions'),
    ('an unknown operator is refused', '{"filter_conditions": {"role": {"$foo": 1}}}', 'filter_conditions.role.$foo'),
    ('an operator that the field has not is refused', '{"filter_conditions": {"role": {"$ne": "user"}}}',
     'filter_conditions.role.$ne'),
    ('$nin on name is refused', '{"filter_conditions": {"name": {"$nin": ["x"]}}}', 'filter_conditions.name.$nin'),
    ('$gt on a boolean field is refused', '{"filter_conditions": {"banned": {"$gt": true}}}', 'filter_conditions.banned.$gt'),
    ('$exists on teams is refused', '{"filter_conditions": {"teams": {"$exists": true}}}', 'filter_conditions.teams.$exists'),
    ('an object without operators is refused for a field', '{"filter_conditions": {"role": {"x": 1}}}', 'filter_conditions.role.x'),
    ('an empty object is refused for a field', '{"filter_conditions": {"role": {}}}', 'filter_conditions.role'),
    ('operators and other keys do not mix', '{"filter_conditions": {"custom.a": {"$eq": 1, "b": 2}}}',
     'filter_conditions.custom.a.b'),
    ('an unknown combination is refused', '{"filter_conditions": {"$xor": []}}', 'filter_conditions.$xor'),
    ('a combination needs a list', '{"filter_conditions": {"$or": {"id": "a"}}}', 'filter_conditions.$or'),
    ('a combination of nothing is refused', '{"filter_conditions": {"$and": []}}', 'filter_conditions.$and'),
    ('what is combined must be filters', '{"filter_conditions": {"$nor": [{}, 1]}}', 'filter_conditions.$nor[1]'),
    ('a refusal inside a combination has its path', '{"filter_conditions": {"$and": [{}, {"id": 5}]}}',
     'filter_conditions.$and[1].id'),
    ('an id must be a string', '{"filter_conditions": {"id": {"$gt": 1}}}', 'filter_conditions.id.$gt'),
    ('null is no name', '{"filter_conditions": {"name": null}}', 'filter_conditions.name'),
    ('$in needs a list', '{"filter_conditions": {"id": {"$in": "a"}}}', 'filter_conditions.id.$in'),
    ('every element of a list is checked', '{"filter_conditions": {"id": {"$nin": ["a", null]}}}',
     'filter_conditions.id.$nin[1]'),
    ('teams equal a list', '{"filter_conditions": {"teams": "red"}}', 'filter_conditions.teams'),
    ('teams contain one team', '{"filter_conditions": {"teams": {"$contains": ["red"]}}}', 'filter_conditions.teams.$contains'),
    ('a boolean field needs a boolean', '{"filter_conditions": {"online": "yes"}}', 'filter_conditions.online'),
    ('$exists needs a boolean', '{"filter_conditions": {"name": {"$exists": 1}}}', 'filter_conditions.name.$exists'),
    ('$autocomplete needs a string', '{"filter_conditions": {"name": {"$autocomplete": 1}}}',
     'filter_conditions.name.$autocomplete'),
    ('a time must be a time', '{"filter_conditions": {"created_at": "yesterday"}}', 'filter_conditions.created_at'),
    ('a time must be in the calendar', '{"filter_conditions": {"created_at": {"$gt": "2023-02-29T00:00:00Z"}}}',
     'filter_conditions.created_at.$gt'),
    ('a time must have a zone', '{"filter_conditions": {"created_at": {"$in": ["2023-02-01T00:00:00"]}}}',
     'filter_conditions.created_at.$in[0]'),
    ('nanoseconds must be whole', '{"filter_conditions": {"created_at": 1.5}}', 'filter_conditions.created_at'),
    ('nanoseconds must fit 64 bits', '{"filter_conditions": {"created_at": 9223372036854775808}}', 'filter_conditions.created_at'),
    ('custom data compares with numbers and strings only', '{"filter_conditions": {"custom.a": {"$gt": true}}}',
     'filter_conditions.custom.a.$gt'),
    ('a field without filters is refused', '{"filter_conditions": {"image": "x"}}', 'filter_conditions.image'),
    ('what lies inside a field without filters is refused',
     '{"filter_conditions": {"privacy_settings.typing_indicators": true}}', 'filter_conditions.privacy_settings.typing_indicators'),
    ('sort must be a list', '{"sort": {"id": 1}}', 'sort'),
    ('sort has at most five fields',
     '{"sort": [{"field": "id"}, {"field": "id"}, {"field": "id"}, {"field": "id"}, {"field": "id"}, {"field": "id"}]}', 'sort'),
    ('what sort lists must be objects', '{"sort": ["id"]}', 'sort[0]'),
    ('a sort needs a field', '{"sort": [{"direction": 1}]}', 'sort[0].field'),
    ('a sort''s field must be a string', '{"sort": [{"field": 1}]}', 'sort[0].field'),
    ('sorting by a field without filters is refused', '{"sort": [{"field": "id"}, {"field": "devices"}]}', 'sort[1].field'),
    ('a direction is 1 or -1', '{"sort": [{"field": "id", "direction": 2}]}', 'sort[0].direction'),
    ('a direction is a number', '{"sort": [{"field": "id", "direction": "desc"}]}', 'sort[0].direction'),
    ('limit is at most 100', '{"limit": 101}', 'limit'),
    ('limit is not negative', '{"limit": -1}', 'limit'),
    ('limit is whole', '{"limit": 1.5}', 'limit'),
    ('limit is a number', '{"limit": "10"}', 'limit'),
    ('offset is at most 1000', '{"offset": 1001}', 'offset'),
    ('include_deleted_users is a boolean', '{"include_deleted_users": 1}', 'include_deleted_users'),
    ('include_deactivated_users is a boolean', '{"include_deactivated_users": "true"}', 'include_deactivated_users')
) AS t (behaviour, query, path);

SELECT is(pg_temp.refusal(jsonb_build_object('filter_conditions',
                                             (repeat('{"$and": [', 200) || '{}' || repeat(']}', 200))::jsonb)),
          'ST004 filter_conditions', 'a filter nested too deeply is refused');
SELECT is(pg_temp.refusal(jsonb_build_object('filter_conditions',
                                             jsonb_build_object('custom' || repeat('.a', 200), 1))),
          'ST004 filter_conditions.custom' || repeat('.a', 200), 'a path of too many keys is refused');
SELECT is(pg_temp.refusal(jsonb_build_object('filter_conditions',
                                             jsonb_build_object('$or', jsonb_agg(jsonb_build_object('score', n))))),
          'ST004 filter_conditions', 'a filter of too many conditions is refused')
FROM generate_series(1, 1001) AS n;
SELECT throws_ok($$SELECT stream_query_users('{"filter_conditions": {"role": {"$foo": 1}}}')$$, 'ST004',
                 'QueryUsers failed with error: "field "role" has no operator "$foo""',
                 'a refusal names the operation and the reason');

-- No value of a caller becomes part of a statement.
SELECT is(pg_temp.found(jsonb_build_object('filter_conditions', filter::jsonb)), '', behaviour)
FROM (VALUES
    ('a value that looks like SQL is a value', '{"id": "x'' OR true --"}'),
    ('a key that looks like SQL is a key', '{"custom.x'' OR true --": {"$gt": "a"}}'),
    ('a key that looks like a parameter is a key', '{"$or": [{"custom.$1": "a"}, {"custom.{}": {"$exists": true}}]}')
) AS t (behaviour, filter);

-- Which indexes the statement reads: as many entries as it needs, whatever the size of the table.
INSERT INTO stream.users (id, teams, custom, created_at)
SELECT 'u' || lpad(n::text, 5, '0'), ARRAY['t' || n % 1000], jsonb_build_object('badge', n, 'deep', jsonb_build_object('er', n % 1000)),
       now() - n * interval '1 second'
FROM generate_series(1, 20000) AS n;
ANALYZE stream.users;

-- Entries of an index (and rows of the table, for a table) that a query's own statement reads.
CREATE FUNCTION pg_temp.reads(index regclass, query jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := pg_stat_get_xact_tuples_returned(index);
BEGIN
    PERFORM stream_query_users(query);
    RETURN pg_stat_get_xact_tuples_returned(index) - before;
END
$$;

SELECT ok(pg_temp.reads(index::regclass, query::jsonb) BETWEEN 1 AND 60, behaviour)
FROM (VALUES
    ('equality of custom data uses its index', 'stream.users_custom', '{"filter_conditions": {"custom.badge": 777}}'),
    ('equality deep in custom data uses its index', 'stream.users_custom', '{"filter_conditions": {"custom.deep.er": 77}}'),
    ('$in on custom data uses its index', 'stream.users_custom', '{"filter_conditions": {"custom.badge": {"$in": [777, 888]}}}'),
    ('$contains on teams uses its index', 'stream.users_teams', '{"filter_conditions": {"teams": {"$contains": "t77"}}}'),
    ('$in on teams uses its index', 'stream.users_teams', '{"filter_conditions": {"teams": {"$in": ["t77", "t78"]}}}'),
    ('equality of teams uses the index', 'stream.users_teams', '{"filter_conditions": {"teams": ["t77"]}}'),
    ('a role other than user uses its index', 'stream.users_role', '{"filter_conditions": {"role": "admin"}}'),
    ('$in on id uses the primary key', 'stream.users_pkey', '{"filter_conditions": {"id": {"$in": ["u00001", "u19999"]}}}'),
    ('the first page by id reads one page of the primary key', 'stream.users_pkey',
     '{"filter_conditions": {"id": {"$gt": "u"}}, "sort": [{"field": "id", "direction": 1}]}'),
    ('a deep page by id reads no more of the primary key', 'stream.users_pkey',
     '{"filter_conditions": {"id": {"$gt": "u15000"}}, "sort": [{"field": "id", "direction": 1}]}'),
    ('the newest users are read from the index on created_at', 'stream.users_created_at', '{}')
) AS t (behaviour, index, query);

SELECT is(has_function_privilege('public', 'stream_query_users(jsonb)', 'EXECUTE'), false,
          'nobody may query users without having been granted it');

SELECT * FROM finish();
ROLLBACK;
