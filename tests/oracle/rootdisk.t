#!/bin/bash
# The root disk against fsck.erofs, mkfs.erofs and this machine's kernel: $TREES random trees, and every
# case.  SEED= repeats a run; arguments choose cases (see rootdisk.c).
#: timeout 600
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "not root"
grep -qw erofs /proc/filesystems || modprobe -q erofs || skip_all "this kernel has no EROFS; oracle/rootdisk-guest has"
[ -e /dev/fuse ] || skip_all "no /dev/fuse"
work=$(mktemp -d)
trap 'rmdir "$work"' EXIT
build/oracle/rootdisk -n "${TREES:-200}" -s "${SEED:-$(date +%s)000}" "$work" "$@"
