#!/bin/bash
# Exports of a user with more rows than anybody wants in memory: row by row and by a task they take no
# more of it than a small one; as one value, what jsonb can't hold is refused with a way out.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --no-cron --database exports -c work_mem=4MB -c max_wal_size=4GB
database=exports
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
SELECT stream_upsert_users('[{"id": "small"}, {"id": "large"}]', false);
INSERT INTO stream.channels (cid) VALUES ('team:1');
INSERT INTO stream.messages (cid, id, user_id, text)
SELECT 'team:1', lpad(i::text, 7, '0'), CASE WHEN i <= 2000 THEN 'small' ELSE 'large' END, repeat(md5(i::text), 60)
FROM generate_series(1, 152000) AS i;
VACUUM ANALYZE stream.messages;
SQL

# peak SETUP STATEMENT: by how much the session's own memory grew at most during the statement, in MB.
# Shared buffers count with it, so they are kept apart: only anonymous memory is looked at.
anonymous() { awk '/^(RssAnon)/ { print int($2 / 1024) }' "/proc/$1/status"; }
peak() {
    local most=0 pid now
    open_session export
    tell export "$1" "SELECT 'pid ' || pg_backend_pid();"
    pid=$(sed -n 's/^pid //p' "$work/export.out")
    local before
    before=$(anonymous "$pid")
    printf '%s\n' "$2" "\\echo finished" >&"${session_input[export]}"
    until grep -q '^finished' "$work/export.out"; do
        now=$(anonymous "$pid")
        ((now <= most)) || most=$now
        sleep 0.02
    done
    end_session export
    echo $((most - before))
}

small=$(peak "SELECT;" "SELECT count(*) FROM stream_export_user_rows('small');")
large=$(peak "SELECT;" "SELECT count(*) FROM stream_export_user_rows('large');")
same "Row by row 150,000 messages of 2 kB are exported, and the user" "$(grep -x -A1 '[0-9]*' "$work/export.out" | head -n 1)" 150001
between "It took little memory: MB more than 2,000 of them took" "$((large - small))" -1000 40

task=$(value "SELECT stream_export_users('{large}') ->> 'task_id'")
worker=$(peak "SELECT;" "CALL stream_run_tasks(until_idle => true);")
same "By a task too" "$(value "SELECT count(*) FROM stream_get_export('$task')")" 150001
between "And in little memory: MB" "$worker" 0 60

said=$(session -v VERBOSITY=verbose -c "SELECT stream_export_user('large')" 2>&1 || true)
check "As one value it is more than jsonb can hold, which is an error" grep -q '^ERROR:  54000: ' <<<"$said"
check "whose hint names the ways out" grep -q '^HINT:  Use stream_export_user_rows, or stream_export_users.$' <<<"$said"
same "A small user is exported as one value" "$(value "SELECT jsonb_array_length(stream_export_user('small') -> 'messages')")" 2000

finish
