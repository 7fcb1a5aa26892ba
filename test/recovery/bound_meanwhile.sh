#!/bin/bash
# A worker that waits for tasks goes by the bindings as they are when a task comes, whatever other
# sessions have made of them since its last one.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron -c stream_users.response_times=off

sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i)), false) FROM generate_series(1, 20) AS i;
CREATE SCHEMA app;
CREATE TABLE app.notes (id bigint PRIMARY KEY, author text, deleted_at timestamptz);
CREATE INDEX ON app.notes (author);
INSERT INTO app.notes SELECT i, 'u' || i FROM generate_series(1, 20) AS i;
SQL

# next COUNTS NAME: the next user is deleted; what the task has done to tables of the application.
user=0
next() {
    user=$((user + 1))
    local id
    id=$(value "SELECT stream_delete_users('{u$user}', 'soft', 'soft') ->> 'task_id'")
    ended "$id" >/dev/null
    same "$2" "$(value "SELECT CASE WHEN t.status = 'completed'
                                    THEN (SELECT COALESCE(string_agg(c.key || ' ' || c.value, ', ' ORDER BY c.key), 'nothing')
                                          FROM jsonb_each_text(t.counts) AS c WHERE c.key !~ '^stream\.')
                                    ELSE concat_ws(' ', t.status, t.error ->> 'description') END
                        FROM stream.tasks t WHERE id = '$id'")" "$1"
}

start_waiting_worker
next nothing 'What is not bound is left alone'

open_session binder
tell binder 'BEGIN;' "SELECT stream_bind_table('app.notes', 'author', 'author', soft => 'delete');"
next nothing 'A binding that is not committed is nothing to a worker'
tell binder 'COMMIT;'
next 'app.notes {"soft": 1}' 'One that is committed is, to a worker that waited'
tell binder 'BEGIN;' "SELECT stream_unbind_table('app.notes');" 'ROLLBACK;'
next 'app.notes {"soft": 1}' 'What was rolled back has changed nothing'
tell binder "SELECT stream_bind_table('app.notes', 'author', 'author', deleted_column => 'deleted_at', soft => 'mark');"
next 'app.notes {"soft": 1}' 'A binding that took the place of another is in force'
same 'In its own way' "$(value "SELECT deleted_at IS NOT NULL FROM app.notes WHERE author = 'u$user'")" t

tell binder 'ALTER TABLE app.notes RENAME deleted_at TO gone_at;'
next 'failed column deleted_at of bound table app.notes does not exist any more, or has a type that can'\''t mark rows deleted' \
    'A column that is renamed is missed'
tell binder 'ALTER TABLE app.notes RENAME gone_at TO deleted_at;'
next 'app.notes {"soft": 1}' 'Until it has its name again'
tell binder 'ALTER SCHEMA app RENAME TO ground;'
next 'ground.notes {"soft": 1}' 'A schema that is renamed is followed'
tell binder 'ALTER TABLE ground.notes ALTER deleted_at TYPE boolean USING deleted_at IS NOT NULL;'
next 'ground.notes {"soft": 1}' 'A mark of another type is set as it is'
same 'To true' "$(value "SELECT deleted_at FROM ground.notes WHERE author = 'u$user'")" t

# A table is not altered between a chunk's look at it and the chunk's end.
user=$((user + 1))
hold "SELECT FROM ground.notes WHERE author = 'u$user' FOR UPDATE"
task=$(value "SELECT stream_delete_users('{u$user}', 'soft', 'soft') ->> 'task_id'")
eventually 20 'the worker to wait inside its chunk' waits_for_lock "$task"
check 'What a chunk works on is not altered meanwhile' \
    grep -q 'lock timeout' <(sql -c "SET lock_timeout = '200ms'" -c 'ALTER TABLE ground.notes ADD note text' 2>&1)
release
same 'And the chunk goes on' "$(ended "$task")" completed

tell binder "DROP TABLE ground.notes;"
next 'failed bound table app.notes does not exist any more' 'A table that is dropped is missed'
tell binder "SELECT stream_unbind_table((SELECT relation FROM stream.bindings WHERE NOT built_in));"
next nothing 'And missed no more once it is unbound'
same 'All of it was seen by one worker' "$(value "SELECT count(DISTINCT pid) FROM pg_locks WHERE objsubid = x'5356'::integer")" 1
end_session binder
value "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objsubid = x'5356'::integer" >/dev/null
wait_for_workers

finish
