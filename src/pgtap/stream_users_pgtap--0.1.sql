\echo Use "CREATE EXTENSION stream_users_pgtap" to load this file. \quit

-- PostgreSQL runs this script under a search_path made of the schemas of this extension, of stream_users and
-- of pgTAP, whichever they are. Every function keeps it (SET search_path FROM CURRENT), for what it calls and
-- for pgTAP's functions, which find each other by it.
--
-- Everything runs with the caller's rights, and is VOLATILE, so that it sees what the same statement has done.

-- What the assertions are made of

CREATE FUNCTION _stream_judge(passed boolean, description text, diagnostics text) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT ok(COALESCE(passed, false), description)
           || CASE WHEN passed THEN '' ELSE E'\n' || diag(diagnostics) END
$$;

CREATE FUNCTION _stream_user(id text, OUT state text, OUT mode text, OUT finding text)
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT s.state, u.deleted_mode,
           '    found: ' || COALESCE(format('user "%s" ', asked.id)
           || CASE s.state
              WHEN 'unknown' THEN 'does not exist'
              WHEN 'active' THEN 'is active'
              WHEN 'deactivated' THEN 'has been deactivated since ' || u.deactivated_at
                                      || COALESCE(', by "' || u.deactivated_by_id || '"', '')
              WHEN 'deleted' THEN format('has been deleted (%s) since %s', u.deleted_mode, u.deleted_at)
              END, 'the id is null')
    FROM (SELECT _stream_user.id) AS asked
    LEFT JOIN stream.users AS u ON u.id = asked.id
    CROSS JOIN LATERAL (SELECT CASE WHEN asked.id IS NULL THEN NULL
                                    WHEN u.id IS NULL THEN 'unknown'
                                    WHEN u.deleted_at IS NOT NULL THEN 'deleted'
                                    WHEN u.deactivated_at IS NOT NULL THEN 'deactivated'
                                    ELSE 'active' END) AS s (state)
$$;

-- Keys are separated by dots; \. is a dot inside a key, as in queries.
CREATE FUNCTION _stream_path(field text) RETURNS text[]
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT array_agg(replace(key, '\.', '.') ORDER BY n)
    FROM regexp_split_to_table(field, '(?<!\\)\.') WITH ORDINALITY AS k (key, n)
$$;

-- Why stream_authorize refuses a user; nothing when it doesn't.
CREATE FUNCTION _stream_refusal(id text, token_issued_at timestamptz, OUT code integer, OUT reason text)
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    state text;
BEGIN
    PERFORM stream_authorize(id, token_issued_at);
EXCEPTION WHEN SQLSTATE 'ST004' OR SQLSTATE 'ST005' OR SQLSTATE 'ST016' OR SQLSTATE 'ST017' OR SQLSTATE 'ST040' THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, reason = MESSAGE_TEXT;
    code := substr(state, 3)::integer;
END
$$;

CREATE FUNCTION _stream_bans(id text, cid text, OUT banned boolean, OUT shadow_banned boolean, OUT finding text)
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT COALESCE(bool_or(NOT b.shadow AND b.in_force), false), COALESCE(bool_or(b.shadow AND b.in_force), false),
           COALESCE(string_agg(format('    found: a %sban %s%s%s', CASE WHEN b.shadow THEN 'shadow ' ELSE '' END,
                                      CASE WHEN b.channel_cid = '' THEN 'from the application' ELSE 'from ' || b.channel_cid END,
                                      CASE WHEN b.in_force THEN COALESCE(' until ' || b.expires, '')
                                           ELSE ' that ended at ' || b.expires END,
                                      COALESCE(', for: ' || b.reason, '')), E'\n')
                    FILTER (WHERE b.target_user_id IS NOT NULL),
                    u.finding || ', and is not banned')
    FROM _stream_user(id) AS u
    LEFT JOIN (SELECT *, expires IS NULL OR expires > clock_timestamp() AS in_force FROM stream.bans) AS b
           ON b.target_user_id = _stream_bans.id AND b.channel_cid = COALESCE(_stream_bans.cid, '')
    GROUP BY u.finding
$$;

-- A task's state once it is over, or once the time is. A task that this transaction has made can't be seen
-- by any worker, so it is run here, by a worker that commits nothing.
CREATE FUNCTION _stream_task(task uuid, within interval, OUT state jsonb, OUT finding text)
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF task IS NULL THEN
        finding := '    found: no task; the call that should have made one had nothing for it to do';
        RETURN;
    END IF;
    state := stream_get_task(task);
    IF state ->> 'status' IN ('pending', 'running') THEN
        BEGIN
            state := stream_wait_task(task, within);
        EXCEPTION WHEN SQLSTATE 'ST004' THEN
            CALL stream_run_tasks(run_for => within, until_idle => true);
            state := stream_get_task(task);
        END;
    END IF;
    finding := format('    found: task %s is %s%s', task, state ->> 'status',
                    CASE WHEN state ->> 'status' IN ('pending', 'running') THEN ' after ' || within ELSE '' END)
             || format(E'\n     done: %s of %s rows, at: %s', state #>> '{progress,done}',
                       COALESCE(state #>> '{progress,total}', '?'), state #>> '{progress,step}')
             || COALESCE(E'\n    error: ' || (state #>> '{error,type}') || ': ' || (state #>> '{error,description}'), '');
EXCEPTION WHEN SQLSTATE 'ST016' THEN
    finding := format('    found: task %s does not exist', task);
END
$$;

CREATE FUNCTION _stream_rows(n bigint) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT n || CASE n WHEN 1 THEN ' row' ELSE ' rows' END
$$;

CREATE FUNCTION _stream_traces(id text) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT string_agg(format('    found: %s in %s.%s', _stream_rows(rows), relation, column_name),
                      E'\n' ORDER BY relation::text COLLATE "C", column_name COLLATE "C")
    FROM stream_verify_erasure(id)
$$;

CREATE FUNCTION _stream_query(id text, filter jsonb, OUT matches boolean, OUT finding text)
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT jsonb_array_length(stream_query_users(jsonb_build_object('filter_conditions', jsonb_build_object('$and',
               jsonb_build_array(jsonb_build_object('id', _stream_query.id), filter)))) -> 'users') = 1,
           u.finding || COALESCE((SELECT string_agg(format(E'\n     have: %s: %s', f.key,
                                                         COALESCE((full_user #> path)::text, (full_user -> 'custom' #> path)::text, 'nothing')), '' ORDER BY f.key)
                                FROM jsonb_object_keys(filter) AS f (key), _stream_path(f.key) AS path,
                                     jsonb_extract_path(stream_get_users(ARRAY[_stream_query.id], true), 'users', _stream_query.id) AS full_user
                                WHERE f.key NOT LIKE '$%' AND u.state <> 'unknown'), '')
           || CASE WHEN u.state IN ('deactivated', 'deleted') THEN E'\n     such users are in no query that does not ask for them' ELSE '' END
    FROM _stream_user(id) AS u
$$;

-- How users are

CREATE FUNCTION user_exists(id text, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(state IN ('active', 'deactivated'), COALESCE(description, format('user "%s" exists', id)), finding)
    FROM _stream_user(id)
$$;

CREATE FUNCTION user_does_not_exist(id text, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(state = 'unknown', COALESCE(description, format('user "%s" does not exist', id)), finding)
    FROM _stream_user(id)
$$;

CREATE FUNCTION user_is_active(id text, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(state = 'active', COALESCE(description, format('user "%s" is active', id)), finding)
    FROM _stream_user(id)
$$;

CREATE FUNCTION user_is_deactivated(id text, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(state = 'deactivated', COALESCE(description, format('user "%s" is deactivated', id)), finding)
    FROM _stream_user(id)
$$;

CREATE FUNCTION user_is_deleted(id text, mode text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(u.state = 'deleted' AND u.mode = COALESCE(user_is_deleted.mode, u.mode),
                         COALESCE(description, format('user "%s" is deleted', id) || COALESCE(' (' || user_is_deleted.mode || ')', '')),
                         u.finding)
    FROM _stream_user(id) AS u
$$;

CREATE FUNCTION user_is_not_deleted(id text, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(state IN ('active', 'deactivated'), COALESCE(description, format('user "%s" is not deleted', id)), finding)
    FROM _stream_user(id)
$$;

CREATE FUNCTION user_has(id text, field text, value jsonb, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(full_user IS NOT NULL AND have IS NOT DISTINCT FROM value,
                         COALESCE(description, format('user "%s" has %s: %s', id, field, COALESCE(value::text, 'nothing'))),
                         CASE WHEN full_user IS NULL THEN (_stream_user(id)).finding
                              ELSE format(E'        have: %s\n        want: %s', COALESCE(have::text, 'nothing'), COALESCE(value::text, 'nothing'))
                         END)
    FROM jsonb_extract_path(stream_get_users(ARRAY[id], true), 'users', id) AS full_user, jsonb_extract_path(full_user, VARIADIC _stream_path(field)) AS have
$$;

CREATE FUNCTION user_matches_query(id text, filter jsonb, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(matches, COALESCE(description, format('user "%s" matches %s', id, filter)), finding)
    FROM _stream_query(id, filter)
$$;

CREATE FUNCTION user_does_not_match_query(id text, filter jsonb, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(NOT matches AND (_stream_user(id)).state <> 'unknown',
                         COALESCE(description, format('user "%s" does not match %s', id, filter)), finding)
    FROM _stream_query(id, filter)
$$;

-- What users may do

CREATE FUNCTION user_can_connect(id text, description text DEFAULT NULL, token_issued_at timestamptz DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(code IS NULL, COALESCE(description, format('user "%s" can connect', id)), '    found: ' || reason)
    FROM _stream_refusal(id, token_issued_at)
$$;

CREATE FUNCTION user_cannot_connect(id text, code integer DEFAULT NULL, description text DEFAULT NULL,
                                    token_issued_at timestamptz DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(r.code = COALESCE(user_cannot_connect.code, r.code),
                         COALESCE(description, format('user "%s" cannot connect', id) || COALESCE(' (code ' || user_cannot_connect.code || ')', '')),
                         COALESCE('    found: code ' || r.code || ': ' || r.reason, format('    found: user "%s" can connect', id)))
    FROM (SELECT code, CASE WHEN code IS NOT NULL THEN reason END FROM _stream_refusal(id, token_issued_at)) AS r (code, reason)
$$;

CREATE FUNCTION user_is_banned(id text, cid text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(banned, COALESCE(description, format('user "%s" is banned', id) || COALESCE(' from ' || cid, '')), finding)
    FROM _stream_bans(id, cid)
$$;

CREATE FUNCTION user_is_shadow_banned(id text, cid text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(shadow_banned, COALESCE(description, format('user "%s" is shadow-banned', id) || COALESCE(' from ' || cid, '')), finding)
    FROM _stream_bans(id, cid)
$$;

CREATE FUNCTION user_is_not_banned(id text, cid text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(NOT banned AND NOT shadow_banned AND (_stream_user(id)).state <> 'unknown',
                         COALESCE(description, format('user "%s" is not banned', id) || COALESCE(' from ' || cid, '')), finding)
    FROM _stream_bans(id, cid)
$$;

-- Where users are

CREATE FUNCTION user_has_rows(id text, relation regclass, column_name name, rows bigint, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(bound AND have = user_has_rows.rows,
                         COALESCE(description, format('user "%s" has %s in %s.%s', id, _stream_rows(user_has_rows.rows), relation, user_has_rows.column_name)),
                         CASE WHEN bound THEN format(E'        have: %s\n        want: %s', have, user_has_rows.rows)
                              ELSE format('    found: column %s.%s is not bound; stream_bind_table does that', relation, user_has_rows.column_name) END)
    FROM (SELECT EXISTS (SELECT FROM stream.bindings AS b
                         WHERE b.relation = user_has_rows.relation AND b.user_column = user_has_rows.column_name),
                 COALESCE((SELECT v.rows FROM stream_verify_erasure(id) AS v
                           WHERE v.relation = user_has_rows.relation AND v.column_name = user_has_rows.column_name), 0)) AS f (bound, have)
$$;

CREATE FUNCTION no_trace_of(id text, description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(traces IS NULL, COALESCE(description, format('nothing holds the id "%s"', id)), traces)
    FROM _stream_traces(id) AS traces
$$;

-- What tasks come to

CREATE FUNCTION task_completes(task uuid, within interval DEFAULT '1 minute', description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(state ->> 'status' = 'completed', COALESCE(description, 'the task completes within ' || within), finding)
    FROM _stream_task(task, within)
$$;
CREATE FUNCTION task_completes(task text, within interval DEFAULT '1 minute', description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT task_completes(task::uuid, within, description)';

CREATE FUNCTION task_fails(task uuid, within interval DEFAULT '1 minute', error_type text DEFAULT NULL,
                           description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT _stream_judge(state ->> 'status' = 'failed' AND state #>> '{error,type}' = COALESCE(error_type, state #>> '{error,type}'),
                         COALESCE(description, 'the task fails within ' || within || COALESCE(' with ' || error_type, '')), finding)
    FROM _stream_task(task, within)
$$;
CREATE FUNCTION task_fails(task text, within interval DEFAULT '1 minute', error_type text DEFAULT NULL,
                           description text DEFAULT NULL) RETURNS text
    LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT task_fails(task::uuid, within, error_type, description)';

COMMENT ON FUNCTION _stream_judge(boolean, text, text) IS
'One line of TAP, with diagnostics when the test fails. Used by the assertions.
passed: whether it passes; null: it doesn''t.
description: what is tested.
diagnostics: what was found instead.';

COMMENT ON FUNCTION _stream_user(text) IS
'How a user is. Used by the assertions.
id: the user.
state: unknown, active, deactivated or deleted; null for a null id.
mode: the user_mode of its deletion.
finding: the same in words.';

COMMENT ON FUNCTION _stream_path(text) IS
'The keys of a field''s name. Used by the assertions.
field: keys separated by dots; \. is a dot inside a key.';

COMMENT ON FUNCTION _stream_refusal(text, timestamptz) IS
'Why stream_authorize refuses a user; null and null when it does not. Used by the assertions.
id: the user.
token_issued_at: when the user''s token was issued; null: not looked at.
code: the API''s code.
reason: the message.';

COMMENT ON FUNCTION _stream_bans(text, text) IS
'A user''s ban from one place. Used by the assertions.
id: the user.
cid: the channel; null: the application.
banned: whether a ban that is no shadow ban is in force.
shadow_banned: whether a shadow ban is in force.
finding: the bans that are there, in words.';

COMMENT ON FUNCTION _stream_task(uuid, interval) IS
'Waits for a task, or runs it when this transaction has made it. Used by the assertions.
task: its id.
within: how long it may take.
state: what stream_get_task answers then; null when there is no such task.
finding: the same in words.';

COMMENT ON FUNCTION _stream_rows(bigint) IS
'A number of rows in words. Used by the assertions.
n: how many.';

COMMENT ON FUNCTION _stream_traces(text) IS
'What holds an id, in words; null when nothing does. Used by the assertions.
id: the id.';

COMMENT ON FUNCTION _stream_query(text, jsonb) IS
'Whether a query finds a user. Used by the assertions.
id: the user.
filter: filter_conditions of stream_query_users.
matches: whether it does.
finding: how the user is, and what it has in the fields of the filter.';

COMMENT ON FUNCTION user_exists(text, text) IS
'Passes when the user is there, active or deactivated: when stream_get_user returns it. Deleted users don''t exist.
id: the user.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_does_not_exist(text, text) IS
'Passes when there is no such user at all, not even a deleted one: nobody ever made it, or it was hard-deleted.
id: the user.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_is_active(text, text) IS
'Passes when the user is there and neither deactivated nor deleted.
id: the user.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_is_deactivated(text, text) IS
'Passes when the user is deactivated, and not deleted.
id: the user.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_is_deleted(text, text, text) IS
'Passes when the user is deleted and still stored. After a hard deletion has completed there is no such user:
that is user_does_not_exist, or no_trace_of.
id: the user.
mode: the strongest user_mode it was deleted with, soft, pruning or hard; null: any.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_is_not_deleted(text, text) IS
'Passes when the user is there and not deleted, such as after its restoration; the same as user_exists.
id: the user.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_has(text, text, jsonb, text) IS
'Passes when a field of the user''s object, deleted users'' too, has a value.
id: the user.
field: a field of the user object, or a path into one: role, custom.address.city; \. is a dot inside a key.
value: the value; null: the field is left out of the object.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_matches_query(text, jsonb, text) IS
'Passes when stream_query_users finds the user, which it does not if the user is deactivated or deleted.
id: the user.
filter: filter_conditions of the query.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_does_not_match_query(text, jsonb, text) IS
'Passes when the user is there, deactivated or deleted perhaps, and stream_query_users does not find it.
id: the user.
filter: filter_conditions of the query.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_can_connect(text, text, timestamptz) IS
'Passes when stream_authorize lets the user in.
id: the user.
description: what the test is called; null: a sentence made of the arguments.
token_issued_at: when the user''s token was issued; null: tokens are not looked at.';

COMMENT ON FUNCTION user_cannot_connect(text, integer, text, timestamptz) IS
'Passes when stream_authorize refuses the user.
id: the user.
code: the API''s code of the refusal: 16 unknown, 17 deactivated, deleted or banned, 40 token revoked; null: any.
description: what the test is called; null: a sentence made of the arguments.
token_issued_at: when the user''s token was issued; null: tokens are not looked at.';

COMMENT ON FUNCTION user_is_banned(text, text, text) IS
'Passes when a ban of the user, which is no shadow ban, is in force.
id: the user.
cid: the channel it is banned from; null: the whole application.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_is_shadow_banned(text, text, text) IS
'Passes when a shadow ban of the user is in force.
id: the user.
cid: the channel it is banned from; null: the whole application.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_is_not_banned(text, text, text) IS
'Passes when the user is there, deleted perhaps, and no ban of it is in force, not even a shadow ban.
id: the user.
cid: the channel it may be banned from; null: the whole application.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION user_has_rows(text, regclass, name, bigint, text) IS
'Passes when so many rows of a bound table hold the user''s id, deleted rows included.
id: the user''s id; the user need not be there.
relation: a table of the extension''s, or one bound with stream_bind_table.
column_name: the bound column.
rows: how many.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION no_trace_of(text, text) IS
'Passes when nothing holds the id: stream_verify_erasure finds no row in any bound table, the users, the queue or the log.
id: the id, of a user that need not be there any more.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION task_completes(uuid, interval, text) IS
'Waits for a task and passes when it completes. A task that the test''s own transaction has made is invisible to
workers: it is run here, in this transaction, with all others that are due.
task: its id; null fails.
within: how long it may take.
description: what the test is called; null: a sentence made of the arguments.';
COMMENT ON FUNCTION task_completes(text, interval, text) IS
'The same for an id that is text, as answers have it.
task: the task''s id; null fails.
within: how long it may take.
description: what the test is called; null: a sentence made of the arguments.';

COMMENT ON FUNCTION task_fails(uuid, interval, text, text) IS
'Waits for a task, or runs it as task_completes does, and passes when it fails.
task: its id; null fails the test.
within: how long it may take.
error_type: the SQLSTATE it fails with; null: any.
description: what the test is called; null: a sentence made of the arguments.';
COMMENT ON FUNCTION task_fails(text, interval, text, text) IS
'The same for an id that is text, as answers have it.
task: the task''s id; null fails the test.
within: how long it may take.
error_type: the SQLSTATE it fails with; null: any.
description: what the test is called; null: a sentence made of the arguments.';
