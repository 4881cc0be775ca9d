#!/usr/bin/env bash
# The mail server that scenarios let take mail: Python's aiosmtpd, pinned with its hashes.
#   mail.sh           installs it into the user's cache, if it is not there
#   mail.sh --find    prints the Python to run it with, or fails
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

version=$(sed -n 's/^aiosmtpd==\([0-9.]*\) .*/\1/p' "$here/mail.txt")
cache=${COUNTERSIGN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign}
python=$cache/aiosmtpd-$version/bin/python

is_there() { [ -x "$python" ] && "$python" -c 'import aiosmtpd.controller' 2>/dev/null; }

if [ "${1:-}" != --find ] && ! is_there; then
    printf 'Installing aiosmtpd %s for the tests\n' "$version" >&2
    mkdir -p "$cache"
    python3 -m venv --clear "$cache/aiosmtpd-$version" >&2
    "$cache/aiosmtpd-$version/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
        --requirement "$here/mail.txt" >&2
fi
is_there || { echo "aiosmtpd is not installed" >&2; exit 1; }
command -v openssl >/dev/null || { echo "openssl, which makes its certificate, is not installed" >&2; exit 1; }
printf '%s\n' "$python"
