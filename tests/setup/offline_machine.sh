#!/usr/bin/env bash
# Runs a program as a machine without any network does, with a stick in it for as long as the program runs.
#   unshare --net --mount offline_machine.sh KIND SOURCE MOUNT PROGRAM ARGUMENTS…
# KIND is `image`, a file with a file system, or `folder`, which is bound; it is at MOUNT meanwhile. The
# variable STICK says otherwise: `out` leaves it out, `protected` is the switch that lets nobody write.
set -euo pipefail
export LC_ALL=C

kind=$1 source=$2 mount=$3; shift 3
stop() { printf 'offline machine: %s\n' "$*" >&2; exit 99; }

# Proven from inside, before the program runs: one interface, and even that one is down. Ends of tunnels are
# in every namespace once their modules are loaded; they are down as well, which the next question shows.
interfaces=$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' \
    | grep -vxE '(tunl|sit|ip6tnl|gre|gretap|erspan|ip6gre|ip_vti|ip6_vti)0' | tr '\n' ' ')
[ "$interfaces" = 'lo ' ] || stop "it has the interfaces $interfaces"
for address in 127.0.0.1 192.0.2.1; do
    if said=$( (exec 3<>"/dev/tcp/$address/80") 2>&1 ); then stop "$address answers"; fi
    [[ $said == *'Network is unreachable'* ]] || stop "$address: $said"
done

options=()
[ "${STICK:-in}" != protected ] || options=(-o ro)
case $kind in
    image) put_in() { mount -o loop "${options[@]}" "$source" "$mount"; } ;;
    folder) put_in() {
        mount --bind "$source" "$mount"
        # Whoever is root in a namespace of users only may not take back what the folder below forbids.
        [ "${#options[@]}" = 0 ] || mount -o remount,bind,ro,nosuid,nodev,noexec "$mount"
    } ;;
    *) stop "no kind of stick: $kind" ;;
esac
[ "${STICK:-in}" = out ] || put_in || stop "the stick cannot be mounted"

status=0
setpriv --pdeathsig KILL -- "$@" || status=$?
# Not left to the end of the namespace, which comes when the kernel has time for it.
[ "${STICK:-in}" = out ] || umount "$mount" || stop "the stick is still in use"
exit "$status"
