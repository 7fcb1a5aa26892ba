# shellcheck shell=bash
# What the recovery tests share: a cluster of their own in $work/cluster, TAP, and psql. To be sourced.
set -euo pipefail
cd "${STREAM_USERS_TOP:?}"
work=$(mktemp -d "${TMPDIR:-/tmp}/stream_users_recovery.XXXXXX")
chmod 777 "$work" # the cluster's user writes here too
trap 'test/cluster remove "$work/cluster" >/dev/null 2>&1; rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' INT TERM

tests=0
failed=0
ok() { # ok NAME COMMAND…
    local name=$1 word=ok
    shift
    "$@" || { word="not ok"; failed=1; }
    tests=$((tests + 1))
    echo "$word $tests - $name"
}
same() {
    [[ $1 == "$2" ]] && return 0
    diff <(printf '%s\n' "$1") <(printf '%s\n' "$2") | sed 's/^/# /' | head -n 20
    return 1
}
done_testing() {
    echo "1..$tests"
    exit $failed
}
in_cluster() { test/cluster run "$work/cluster" "$@"; }
# psql in $database
sql() { in_cluster psql -d "$database" -XqAt -v ON_ERROR_STOP=1 "$@"; }
