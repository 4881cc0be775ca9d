#!/usr/bin/env bash
# Prints the path of a bitcoind, building one once per user and machine when there is none.
# Looked for in this order: $BITCOIND_EXE, $PATH, the cache; else built from the Bitcoin Core
# sources that the crate libbitcoinkernel-sys carries. Talk goes to stderr, the path to stdout.
# With --find it builds nothing: without a bitcoind it exits with status 1.
set -euo pipefail

crate_version=0.4.1
crate_sha256=345d18a1ce19a1becfcaaa066e3a60e9c7813ef5c23ea8c20704ca4ba1a46339
core_version=31.99
cache=${COUNTERSIGN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign}
prefix=$cache/bitcoind-$core_version-kernel-$crate_version

say() { printf '%s\n' "$*" >&2; }

if [ -n "${BITCOIND_EXE:-}" ]; then
    [ -x "$BITCOIND_EXE" ] || { say "BITCOIND_EXE=$BITCOIND_EXE is not an executable file"; exit 1; }
    echo "$BITCOIND_EXE"; exit 0
fi
if found=$(command -v bitcoind); then echo "$found"; exit 0; fi
if [ -x "$prefix/bin/bitcoind" ]; then echo "$prefix/bin/bitcoind"; exit 0; fi
[ "${1:-}" != --find ] || exit 1

mkdir -p "$cache"
exec 9>"$cache/bitcoind.lock"
flock 9
if [ -x "$prefix/bin/bitcoind" ]; then echo "$prefix/bin/bitcoind"; exit 0; fi

say "No bitcoind found: building Bitcoin Core $core_version once, about 8 minutes on two cores."
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

say "  1/3 fetching the sources (crate libbitcoinkernel-sys $crate_version)"
mkdir -p "$work/fetch/src"
cat > "$work/fetch/Cargo.toml" <<TOML
[package]
name = "fetch-bitcoin-core"
version = "0.0.0"
edition = "2021"
[dependencies]
libbitcoinkernel-sys = "=$crate_version"
[workspace]
TOML
: > "$work/fetch/src/lib.rs"
(cd "$work/fetch" && cargo vendor --quiet --versioned-dirs vendor >/dev/null)
package=$work/fetch/vendor/libbitcoinkernel-sys-$crate_version
grep -q "\"package\":\"$crate_sha256\"" "$package/.cargo-checksum.json" \
    || { say "the crate's checksum is not $crate_sha256: refusing to build it"; exit 1; }
sources=$package/bitcoin
[ -f "$sources/CMakeLists.txt" ] || { say "the crate holds no Bitcoin Core sources"; exit 1; }

say "  2/3 configuring"
cmake -S "$sources" -B "$work/build" -G Ninja \
    -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS="-O1 -g0" -DCMAKE_C_FLAGS="-O1 -g0" \
    -DBUILD_DAEMON=ON -DBUILD_CLI=ON -DENABLE_WALLET=OFF -DWITH_ZMQ=OFF -DENABLE_IPC=OFF \
    -DWITH_EMBEDDED_ASMAP=OFF -DENABLE_EXTERNAL_SIGNER=OFF -DBUILD_BITCOIN_BIN=OFF \
    -DBUILD_TESTS=OFF -DBUILD_BENCH=OFF -DBUILD_TX=OFF -DBUILD_UTIL=OFF -DINSTALL_MAN=OFF \
    >"$cache/bitcoind-build.log" 2>&1 \
    || { tail -n 30 "$cache/bitcoind-build.log" >&2; say "configuring failed: see $cache/bitcoind-build.log"; exit 1; }

say "  3/3 compiling"
if ! ninja -C "$work/build" bitcoind bitcoin-cli 2>&1 | tee -a "$cache/bitcoind-build.log" \
    | awk '/^\[[0-9]+\/[0-9]+\]/ { split(substr($1, 2), n, /[\/\]]/); p = int(n[1] * 20 / n[2]);
           if (p != last) { last = p; printf "      %3d %%\n", p * 5 > "/dev/stderr"; fflush("/dev/stderr") } }'; then
    tail -n 30 "$cache/bitcoind-build.log" >&2; say "compiling failed: see $cache/bitcoind-build.log"; exit 1
fi
mkdir -p "$prefix.new/bin"
cp "$work/build/bin/bitcoind" "$work/build/bin/bitcoin-cli" "$prefix.new/bin/"
rm -rf "$prefix"
mv "$prefix.new" "$prefix"
say "      built: $prefix/bin/bitcoind"
echo "$prefix/bin/bitcoind"
