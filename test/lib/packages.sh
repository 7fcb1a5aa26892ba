# shellcheck shell=bash
# Installs Debian packages that are missing. To be sourced.

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# apt-get without questions. Services of what gets installed (a default cluster of PostgreSQL) are
# not started meanwhile, because nothing here uses them.
quiet_apt() (
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap 'as_root rm -f "$policy"' EXIT
        trap 'exit 1' INT TERM
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends "$@" \
        </dev/null 2>&1
)

# need_packages NAME…: afterwards they are installed, or the call failed and said why.
need_packages() {
    local package missing=() output
    for package; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]} > 0)) || return 0
    echo "installing ${missing[*]}"
    if ! output=$(quiet_apt update) || ! output+=$(quiet_apt install "${missing[@]}"); then
        printf '%s\n' "$output" "could not install: ${missing[*]}" >&2
        return 1
    fi
}

# The major version of PostgreSQL to work with: the one whose pg_config is there, else Debian's own.
postgres_major() {
    local version
    if command -v "${PG_CONFIG:-pg_config}" >/dev/null; then
        version=$("${PG_CONFIG:-pg_config}" --version)
        version=${version#PostgreSQL }
    else
        quiet_apt update >/dev/null
        version=$(apt-cache policy postgresql | sed -n 's/^ *Candidate: //p')
    fi
    printf '%s\n' "${version%%[!0-9]*}"
}

# need_postgres [SUFFIX…]: the server, its headers, and its packages postgresql-<major>-SUFFIX. Who
# sets PG_CONFIG brings a server of their own, and nothing is installed for it.
need_postgres() {
    local major packages suffix
    [[ -z ${PG_CONFIG:-} ]] || return 0
    major=$(postgres_major)
    packages=("postgresql-$major" "postgresql-server-dev-$major")
    for suffix; do packages+=("postgresql-$major-$suffix"); done
    need_packages "${packages[@]}"
}

# need_node_pg DIR: Node and its driver for PostgreSQL. Where Node is not Debian's, Debian's driver can't be
# installed, and npm puts one into DIR.
need_node_pg() {
    ! node -e 'require("pg")' 2>/dev/null || return 0
    if ! command -v npm >/dev/null; then
        need_packages nodejs node-pg
    else
        echo "installing pg by npm"
        npm install --silent --no-fund --no-audit --prefix "$1" pg@8
        export NODE_PATH=$1/node_modules
    fi
}
