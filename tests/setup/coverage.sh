#!/usr/bin/env bash
# Runs every test once, instrumented, and prints line coverage per crate; fails below the floor.
# What is measured is what ships: the programs that the scenarios start count, the tests do not.
set -euo pipefail
cd "$(dirname "$0")/../.."

floor=80
# What people carry away is tested as they do: optimised, static, and not instrumented.
tests/setup/offline_build.sh --quiet
. tests/setup/instrumented.sh

cargo llvm-cov clean --workspace
# Bugs can be planted in this one build, and in none that is used.
cargo build --workspace --bins --locked --features countersign-tests/planted
cargo test --workspace --doc --locked --quiet --features countersign-tests/planted >"$CARGO_TARGET_DIR/doc-tests.log" 2>&1 \
    || { cat "$CARGO_TARGET_DIR/doc-tests.log"; exit 1; }
cargo nextest run --workspace --locked --features countersign-tests/planted

report=$CARGO_TARGET_DIR/coverage.txt
cargo llvm-cov report >"$report" 2>"$report.log" || { cat "$report.log" >&2; exit 1; }
echo
echo "Line coverage (by file: $report)"
# Columns 8 and 9 of llvm-cov's table are lines and lines missed; rows are files, a crate is
# the first folder of a file's path below the root.
awk -v root="$PWD/" -v floor="$floor" '
    $1 ~ /\.rs$/ { file = $1; sub(root, "", file); split(file, part, "/"); crate = part[1]
                   if (!(crate in lines)) order[++count] = crate
                   lines[crate] += $8; missed[crate] += $9; all += $8; out += $9 }
    function row(name, n, m) { printf "  %-14s %7d lines %7d covered %7.1f %%\n", name, n, n - m, n ? 100 * (n - m) / n : 0 }
    END { for (i = 1; i <= count; i++) row(order[i], lines[order[i]], missed[order[i]])
          row("together", all, out)
          if (all == 0 || 100 * (all - out) < floor * all) { printf "  below the floor of %d %%\n", floor; exit 1 } }' "$report"
