#!/usr/bin/env bash
# Builds the offline signer: one file without network code and without libraries of the system, for a
# machine that has nothing else. Prints where it is, how large it is, its SHA-256, and how to check it.
#   offline_build.sh           builds it into ${CARGO_TARGET_DIR:-target}/offline
#   offline_build.sh --quiet   the same, and prints only where it is
# Equal sources, compiler and C library give equal bytes in whatever folder they lie, so that two people who
# build it apart can compare what they have; hence no path and no symbol is left in it.
set -euo pipefail
cd "$(dirname "$0")/../.."

# A scenario's build is instrumented; this one is what people carry away.
unset RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL
folder=${CARGO_TARGET_DIR:-$PWD/target}/offline
host=$(rustc -vV | sed -n 's/^host: //p')
cargo_home=${CARGO_HOME:-$HOME/.cargo}
export RUSTFLAGS="-C target-feature=+crt-static -C strip=symbols --remap-path-prefix=$folder=target --remap-path-prefix=$PWD=countersign --remap-path-prefix=$cargo_home=cargo"

# Named by its triple even where it is the host's own: then the flags are not those of build scripts, which
# are programs of this machine.
CARGO_TARGET_DIR=$folder cargo build --release --locked --quiet --target "$host" \
    --package countersign-signer --no-default-features --features tool

program=$folder/countersign-signer
built=$folder/$host/release/countersign-signer
cmp --silent "$built" "$program" || install -m 755 "$built" "$program"

# Whoever boots it from a stick has no library of ours: what asks for one is no offline signer.
said=$(ldd "$program" 2>&1 || true)
case $said in
    *'statically linked'* | *'not a dynamic executable'*) ;;
    *) printf 'the offline signer needs libraries:\n%s\n' "$said" >&2; exit 1 ;;
esac

(cd "$folder" && sha256sum countersign-signer >countersign-signer.sha256)
if [ "${1:-}" = --quiet ]; then
    echo "$program"
    exit
fi
cat <<END
$program
  $(stat -c %s "$program") bytes, static, without network code
  SHA-256 $(cut -d ' ' -f 1 "$program.sha256")
Carry it with countersign-signer.sha256, which lies beside it, and check it where it arrives:
  sha256sum --check countersign-signer.sha256
Let a second person build it from the same commit and read the SHA-256 out: it must be the same.
END
