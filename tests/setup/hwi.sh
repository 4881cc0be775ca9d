#!/usr/bin/env bash
# HWI, the tool by which devices on a wire are reached, from PyPI and pinned, for tests and for whoever likes to use it.
#   hwi.sh           installs it into the user's cache, if it is not there
#   hwi.sh --find    prints the program, or fails
# It needs Debian's libusb-1.0-0, which setup.sh installs; what it says without is a test of its own.
set -euo pipefail

version=3.2.0
cache=${COUNTERSIGN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign}
program=$cache/hwi-$version/bin/hwi

is_there() { [ -x "$program" ] && [ "$("$program" --version 2>/dev/null)" = "hwi $version" ]; }

if [ "${1:-}" != --find ] && ! is_there; then
    printf 'Installing hwi %s\n' "$version" >&2
    mkdir -p "$cache"
    python3 -m venv --clear "$cache/hwi-$version" >&2
    "$cache/hwi-$version/bin/pip" install --quiet --disable-pip-version-check "hwi==$version" >&2
fi
is_there || { echo "hwi $version is not installed" >&2; exit 1; }
printf '%s\n' "$program"
