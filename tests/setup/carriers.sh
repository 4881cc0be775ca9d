#!/usr/bin/env bash
# The readers and writers of QR codes of others that scenarios ask: npm's bbqr and @ngraveio/bc-ur, pinned.
#   carriers.sh           installs them into the user's cache, if they are not there
#   carriers.sh --find    prints the folder of the node modules, or fails
set -euo pipefail

bbqr=1.2.0
bc_ur=1.1.13
cache=${COUNTERSIGN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign}
modules=$cache/carriers-bbqr-$bbqr-bc-ur-$bc_ur

is_there() {
    [ -f "$modules/node_modules/bbqr/package.json" ] \
        && [ -f "$modules/node_modules/@ngraveio/bc-ur/package.json" ] && command -v node >/dev/null
}

if [ "${1:-}" != --find ] && ! is_there; then
    printf 'Installing bbqr %s and @ngraveio/bc-ur %s for the tests\n' "$bbqr" "$bc_ur" >&2
    mkdir -p "$modules"
    npm install --silent --no-audit --no-fund --prefix "$modules" "bbqr@$bbqr" "@ngraveio/bc-ur@$bc_ur" >&2
fi
is_there || { echo "bbqr and @ngraveio/bc-ur are not installed" >&2; exit 1; }
echo "$modules"
