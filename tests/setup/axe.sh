#!/usr/bin/env bash
# axe-core, which looks for what keeps people from using a page: npm's package, pinned, for tests alone.
#   axe.sh           installs it into the user's cache, if it is not there
#   axe.sh --find    prints the script, or fails
set -euo pipefail

version=4.14.1
cache=${COUNTERSIGN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign}
folder=$cache/axe-core-$version
script=$folder/node_modules/axe-core/axe.min.js

if [ "${1:-}" != --find ] && [ ! -f "$script" ]; then
    printf 'Installing axe-core %s for the tests\n' "$version" >&2
    mkdir -p "$folder"
    npm install --silent --no-audit --no-fund --prefix "$folder" "axe-core@$version" >&2
fi
[ -f "$script" ] || { echo "axe-core is not installed" >&2; exit 1; }
printf '%s\n' "$script"
