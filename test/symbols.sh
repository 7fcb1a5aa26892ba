#!/bin/bash
# test/symbols.sh A.so B.so: fails unless both export the same symbols.
set -euo pipefail

exported() {
    nm --dynamic --defined-only --format=posix "$1" | cut -d ' ' -f 1 | sort
}

count=$(exported "$1" | wc -l)
((count > 0)) || { echo "$1 exports nothing"; exit 1; }
diff --label "$1" --label "$2" -u <(exported "$1") <(exported "$2")
echo "$count symbols, the same in both builds"
