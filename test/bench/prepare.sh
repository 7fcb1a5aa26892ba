# shellcheck shell=bash
# What ./bench and ./soak begin with. To be sourced; leaves the shell in the project's top folder, with
# the Debian packages they need, and the extension built and installed into the PostgreSQL that
# PG_CONFIG names.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. test/lib/packages.sh

need_packages g++ make python3 python3-psycopg2 python3-matplotlib
need_postgres cron
PG_CONFIG=$(command -v "${PG_CONFIG:-pg_config}")
export PG_CONFIG LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

make --silent --jobs="$(nproc)" PG_CONFIG="$PG_CONFIG" >/dev/null
as_root make --silent install PG_CONFIG="$PG_CONFIG" >/dev/null
