#!/bin/bash
# test/examples.sh DIR: runs every example in examples/ that does a user's life, against a throwaway cluster in
# DIR whose tasks are done by pg_cron's workers, and the example suite in a database of its own. DIR must be
# new. Says a line an example; what an example prints is shown only when it fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=$1
cluster=$dir/cluster
mkdir "$dir"
trap 'test/cluster remove "$cluster"' EXIT

# Runs a command connected to the cluster.
# shellcheck source=/dev/null
client() { (. "$cluster/env" && exec timeout 300 "$@"); }
sql() { client psql -Xq -v ON_ERROR_STOP=1 "$@"; }

# example NAME COMMAND…
example() {
    local name=$1 status=0
    shift
    "$@" >"$dir/output" 2>&1 || status=$?
    if ((status != 0)); then
        cat "$dir/output" >&2
        echo "examples/$name failed" >&2
        return "$status"
    fi
    echo "examples/$name: $(wc -l <"$dir/output") lines, no surprise"
}

in_psql() {
    client psql -X -f examples/psql/life.sql
}

in_cpp() {
    "${CXX:-g++}" -std=c++17 -Wall -Wextra -o "$dir/life" examples/cpp/life.cpp -lpqxx -lpq && client "$dir/life"
}

in_node() {
    client node examples/node/life.js
}

over_http() {
    local gateway url status=0
    sql -f examples/rest/setup.sql || return
    # shellcheck source=/dev/null
    (. "$cluster/env" && PGUSER=rest_gateway PORT=0 exec timeout 300 node examples/rest/gateway.js) >"$dir/gateway" &
    gateway=$!
    until url=$(sed -n 's/^listening on //p' "$dir/gateway") && [[ -n $url ]]; do
        kill -0 "$gateway" || return
        sleep 0.1
    done
    client node examples/rest/life.js "$url" || status=$?
    kill "$gateway" && wait "$gateway" || status=$?
    return "$status"
}

suite() {
    sql -c 'CREATE DATABASE kitchen' && sql -d kitchen -f examples/pgtap/schema.sql &&
        client pg_prove --dbname kitchen --verbose examples/pgtap/test/{members,leaving}.sql
}

test/cluster create "$cluster" --database examples
sql -c 'CREATE EXTENSION pg_cron' -c 'CREATE EXTENSION stream_users' -c 'SELECT stream_start_workers()' >/dev/null
example pgtap suite
example psql in_psql
example cpp in_cpp
example node in_node
example rest over_http
