#!/bin/bash
# rootdisk.sh [here|guest]: the root disk's oracle suite, TAP on stdout.
#   here    on this machine's kernel: 200 random trees ($TREES) and every case (default)
#   guest   in the emulated host ($TESTHOST), whose 6.1 kernel is the guest's too: few and smaller trees, every case
# SEED= repeats a run.  Needs root and build/oracle/rootdisk (make build/oracle/rootdisk).
set -euo pipefail
cd "$(dirname "$0")/../.."
where=${1:-here}
: "${SEED:=$(date +%s)000}" "${TESTHOST:=tests/testhost/testhost}"
program=build/oracle/rootdisk

skip() {
    if [ "${CI:-}" = true ]; then
        echo "1..1"
        echo "not ok 1 - rootdisk ($where): $1"
        exit 1
    fi
    echo "1..0 # SKIP $1"
    exit 0
}

[ "$(id -u)" = 0 ] || skip "not root"
case $where in
here)
    grep -qw erofs /proc/filesystems || modprobe -q erofs || skip "this machine's kernel has no EROFS"
    [ -e /dev/fuse ] || skip "no /dev/fuse"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$program" -n "${TREES:-200}" -s "$SEED" "$work"
    ;;
guest)
    [ -x "$TESTHOST" ] || skip "no emulated host at $TESTHOST"
    # The work folder is on a tmpfs there: /run.
    "$TESTHOST" -t "${TIMEOUT:-300}" -- \
        bash -c "modprobe erofs; mkdir /run/work; exec $program -q -n ${TREES:-4} -s $SEED /run/work"
    ;;
*)
    echo "usage: rootdisk.sh [here|guest]" >&2
    exit 2
    ;;
esac
