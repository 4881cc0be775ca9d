#!/usr/bin/env bash
# Proves that a signer built without `online` contains no network code: none of the crates
# that open sockets is anywhere in its dependency tree.
set -euo pipefail
cd "$(dirname "$0")/../.."

tree=$(cargo tree --locked --package countersign-signer --no-default-features --features tool \
    --edges normal --prefix none --format '{p}' | awk '{ print $1 }' | sort -u)
found=$(grep -x -E 'ureq(-proto)?|reqwest|hyper(-util)?|tokio|mio|socket2|rustls|native-tls|openssl|h2|quinn|axum|sqlx(-.*)?' <<<"$tree" || true)
[ -z "$found" ] || { printf 'the offline signer depends on: %s\n' "$found" >&2; exit 1; }
found=$(grep -rnE 'std::net|TcpStream|UdpSocket|UnixStream' signer/src policies/src --include='*.rs' || true)
[ -z "$found" ] || { printf 'network code outside the crates that may have it:\n%s\n' "$found" >&2; exit 1; }
