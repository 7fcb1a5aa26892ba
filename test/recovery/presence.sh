#!/bin/bash
# Presence ends by itself: of clients that vanish without a word, those that are heard of stay online,
# the others don't, and the worker writes that down.
# shellcheck source-path=SCRIPTDIR source=lib/recovery.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/recovery.sh"

test/cluster create "$cluster" --database presence
database=presence
sql >/dev/null <<'SQL'
CREATE EXTENSION stream_users;
ALTER DATABASE presence SET stream_users.presence_timeout = '2 s';
SELECT stream_upsert_users(jsonb_agg(jsonb_build_object('id', 'u' || i)), false) FROM generate_series(1, 2500) AS i;
SQL
online="FROM stream.users WHERE online"
shown() { value "SELECT string_agg(u ->> 'id', ' ') FROM jsonb_array_elements(stream_query_users('{\"filter_conditions\": {\"online\": true}, \"sort\": [{\"field\": \"id\"}]}') -> 'users') AS u"; }

# A client connects for 2,500 users, and its session ends without another word.
open_session client
tell client "SELECT count(stream_connect_user('u' || i)) FROM generate_series(1, 2500) AS i;"
end_session client
same "All are online after their client has vanished" "$(value "SELECT count(*) $online")" 2500

for _ in 1 2 3; do
    value "SELECT stream_connect_user('u7'), stream_connect_user('u9')" >/dev/null
    sleep 1
done
value "SELECT stream_connect_user('u7'), stream_connect_user('u9')" >/dev/null
same "Once their time is over only those are shown that were heard of" "$(shown)" "u7 u9"
same "No matter what is written down yet" "$(value "SELECT count(*) $online")" 2500

value "SELECT stream_connect_user('u7'), stream_connect_user('u9')" >/dev/null
value "CALL stream_run_tasks(until_idle => true)"
same "A worker writes it down, batch by batch" "$(value "SELECT string_agg(id, ' ' ORDER BY id) $online")" "u7 u9"
same "It changes nothing else of them" \
    "$(value "SELECT count(*), count(DISTINCT last_active) > 2000, bool_and(updated_at = created_at) FROM stream.users WHERE NOT online")" "2498|t|t"

value "SELECT stream_disconnect_user('u7')" >/dev/null
same "Who says good-bye is offline at once" "$(shown)" u9

finish
