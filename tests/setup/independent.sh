#!/usr/bin/env bash
# The signers of others that scenarios let sign: Python's embit and npm's @scure/btc-signer, pinned.
#   independent.sh           installs them into the user's cache, if they are not there
#   independent.sh --find    prints the Python to run and the folder of the node modules, or fails
set -euo pipefail

embit=0.8.0
scure=2.4.1
cache=${COUNTERSIGN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign}
python=$cache/embit-$embit/bin/python
modules=$cache/scure-btc-signer-$scure

is_there() {
    [ -x "$python" ] && "$python" -c 'import embit' 2>/dev/null \
        && [ -f "$modules/node_modules/@scure/btc-signer/package.json" ] && command -v node >/dev/null
}

if [ "${1:-}" != --find ] && ! is_there; then
    printf 'Installing embit %s and @scure/btc-signer %s for the tests\n' "$embit" "$scure" >&2
    mkdir -p "$cache"
    python3 -m venv --clear "$cache/embit-$embit" >&2
    "$cache/embit-$embit/bin/pip" install --quiet --disable-pip-version-check "embit==$embit" >&2
    mkdir -p "$modules"
    npm install --silent --no-audit --no-fund --prefix "$modules" "@scure/btc-signer@$scure" >&2
fi
is_there || { echo "embit and @scure/btc-signer are not installed" >&2; exit 1; }
printf '%s\n%s\n' "$python" "$modules"
