#!/usr/bin/env bash
# Installs or builds whatever this machine still lacks; does nothing, quickly, when all is there.
#   setup.sh demo     what `make demo` needs: a C compiler, a bitcoind
#   setup.sh check    what `make check` needs: also PostgreSQL, Chromium, cargo-nextest, coverage, Node and
#                     Python with the signers of others, hwi, hledger and a mail server (default)
# Talk goes to stderr. Nothing is installed outside Debian's packages, cargo's bin folder and
# ${COUNTERSIGN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign}.
set -euo pipefail
cd "$(dirname "$0")/../.."

nextest_version=0.9.143
llvm_cov_version=0.9.1
purpose=${1:-check}
log=$(mktemp "${TMPDIR:-/tmp}/countersign-setup.XXXXXX")
trap 'rm -f "$log"' EXIT

say() { printf '%s\n' "$*" >&2; }
fail() { say "setup: $*"; exit 1; }
case $purpose in demo | check) ;; *) fail "say 'demo' or 'check', not '$purpose'" ;; esac

# Runs a command silently; on failure shows the end of what it printed.
quietly() {
    "$@" >"$log" 2>&1 </dev/null || { tail -n 30 "$log" >&2; fail "this failed: $*"; }
}

as_root() {
    if [ "$(id -u)" = 0 ]; then quietly env DEBIAN_FRONTEND=noninteractive "$@"
    else quietly sudo DEBIAN_FRONTEND=noninteractive "$@"; fi
}

postgres_is_there() {
    local folder
    for folder in ${PATH//:/ } /usr/lib/postgresql/*/bin; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then return 0; fi
    done
    return 1
}

coverage_tools_are_there() {
    [ -n "${LLVM_COV:-}" ] || [ -x /usr/lib/llvm-22/bin/llvm-cov ] \
        || compgen -G "$(rustc --print sysroot)/lib/rustlib/*/bin/llvm-cov" >/dev/null
}

missing_packages() {
    local wanted=() package
    command -v cc >/dev/null && command -v c++ >/dev/null || wanted+=(build-essential)
    command -v setpriv >/dev/null || wanted+=(util-linux)
    if ! tests/setup/bitcoind.sh --find >/dev/null; then
        wanted+=(build-essential cmake ninja-build libboost-dev libevent-dev pkg-config)
    fi
    if [ "$purpose" = check ]; then
        postgres_is_there || wanted+=(postgresql-15)
        coverage_tools_are_there || wanted+=(llvm-22)
        command -v chromium >/dev/null || wanted+=(chromium)
        command -v chromedriver >/dev/null || wanted+=(chromium-driver)
        python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3 python3-venv)
        command -v openssl >/dev/null || wanted+=(openssl)
        ldconfig -p | grep -q libusb-1.0.so.0 || wanted+=(libusb-1.0-0)
        command -v hledger >/dev/null || wanted+=(hledger)
        command -v node >/dev/null && command -v npm >/dev/null || wanted+=(nodejs npm)
    fi
    for package in "${wanted[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done | sort -u
}

install_packages() {
    local packages
    mapfile -t packages < <(missing_packages)
    [ "${#packages[@]}" -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "this machine has no apt-get: install by hand what corresponds to Debian's ${packages[*]}"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "neither root nor sudo: as root, run  apt-get install ${packages[*]}"
        say "Installing packages needs root: sudo may ask for your password."
        sudo -v || fail "sudo refused: as root, run  apt-get install ${packages[*]}"
    fi
    say "Installing Debian packages: ${packages[*]}"
    as_root apt-get update -q
    as_root apt-get install -q -y --no-install-recommends "${packages[@]}"
}

# install_cargo_tool NAME VERSION: any version at hand will do, a missing one is built.
install_cargo_tool() {
    command -v "$1" >/dev/null && return 0
    say "Building $1 $2 with cargo, a few minutes"
    quietly cargo install --locked "$1@$2"
    command -v "$1" >/dev/null || fail "$1 was installed, but cargo's bin folder is not in PATH: add ${CARGO_HOME:-$HOME/.cargo}/bin"
}

command -v cargo >/dev/null || fail "there is no cargo: install Rust (https://rustup.rs), then run this again"
install_packages
tests/setup/bitcoind.sh >/dev/null
if [ "$purpose" = check ]; then
    install_cargo_tool cargo-nextest "$nextest_version"
    install_cargo_tool cargo-llvm-cov "$llvm_cov_version"
    tests/setup/axe.sh >/dev/null || fail "axe-core could not be installed"
    tests/setup/mail.sh >/dev/null || fail "aiosmtpd could not be installed"
    tests/setup/independent.sh >/dev/null || fail "embit or @scure/btc-signer could not be installed"
    tests/setup/hwi.sh >/dev/null || fail "hwi could not be installed"
    tests/setup/carriers.sh >/dev/null || fail "bbqr or @ngraveio/bc-ur could not be installed"
fi
