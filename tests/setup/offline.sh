#!/usr/bin/env bash
# Proves that a signer built without `online` contains no network code: every crate in its dependency tree
# is on the list in docs/offline.md with its reason, so that a new one shows, and none of those that open
# sockets may ever be put there. What is listed and no longer there is complained of too.
set -euo pipefail
cd "$(dirname "$0")/../.."

there=$(cargo tree --locked --package countersign-signer --no-default-features --features tool \
    --edges normal --prefix none --format '{p}' | awk '{ print $1 }' | sort -u)
listed=$(awk '/^## What is in it/ { inside = 1; next } /^## / { inside = 0 }
              inside && /^\| `/ { split($0, cell, "|"); print cell[2] }' docs/offline.md \
    | grep -oE '`[^`]+`' | tr -d '`' | sort)
wrong=0
complain() { printf 'the offline signer: %s\n' "$1" >&2; wrong=1; }

[ "$(wc -l <<<"$listed")" -gt 20 ] || complain "no list of crates was found in docs/offline.md"
for crate in $(comm -23 <(echo "$there") <(sort -u <<<"$listed")); do
    complain "depends on $crate, which docs/offline.md does not list; say there what it is for, or do without"
done
for crate in $(comm -13 <(echo "$there") <(sort -u <<<"$listed")); do
    complain "docs/offline.md lists $crate, which is not in it"
done
for crate in $(uniq -d <<<"$listed"); do complain "docs/offline.md lists $crate twice"; done
for crate in $(grep -x -E 'ureq(-proto)?|reqwest|hyper(-util)?|tokio|mio|socket2|rustls|native-tls|openssl|h2|quinn|axum|sqlx(-.*)?' <<<"$there" || true); do
    complain "depends on $crate, which opens sockets"
done
found=$(grep -rnE 'std::net|TcpStream|UdpSocket|UnixStream' signer/src policies/src --include='*.rs' || true)
[ -z "$found" ] || complain "network code outside the crates that may have it:
$found"
[ "$wrong" = 0 ]
