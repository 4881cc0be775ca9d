#!/usr/bin/env bash
# The campaigns in full: `adversary.sh [G1,G2] [cases] [seed]`, each empty for all, or for what they say.
# What ships is attacked as it ships, so the release has no bugs to plant and no points to die at: G3 and G15 run
# in the instrumented build.
set -euo pipefail
cd "$(dirname "$0")/../.."

only=${1:-G1,G1b,G2,G2a,G2b,G3,G4,G9,G14,G15} cases=${2:-} seed=${3:-}
target=${CARGO_TARGET_DIR:-target}
shipped='' planted=''
for id in ${only//,/ }; do
    case ${id^^} in
        G3 | G15) planted=${planted:+$planted,}$id ;;
        *) shipped=${shipped:+$shipped,}$id ;;
    esac
done

good=0
if [ -n "$shipped" ]; then
    cargo build --release --locked --workspace --bins
    "$target/release/countersign-adversary" --only "$shipped" --cases "$cases" --seed "$seed" || good=1
fi
if [ -n "$planted" ]; then
    . tests/setup/instrumented.sh
    cargo build --workspace --bins --locked --features countersign-tests/planted
    # Nobody reads what thousands of killed and ended programs counted.
    LLVM_PROFILE_FILE=/dev/null \
        "$CARGO_TARGET_DIR/debug/countersign-adversary" --only "$planted" --cases "$cases" --seed "$seed" || good=1
fi
exit "$good"
