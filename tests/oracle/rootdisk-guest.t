#!/bin/bash
# The same on the emulated host's kernel, which is the guest's too (Debian's 6.1): fewer and smaller trees.
#: timeout 600
set -euo pipefail
. tests/lib/tap.sh
TESTHOST=${TESTHOST:-tests/testhost/testhost}
[ -x "$TESTHOST" ] || skip_all "no emulated host at $TESTHOST"
exec "$TESTHOST" -t 570 -- bash -c "modprobe erofs; mkdir /run/work;
 exec build/oracle/rootdisk -q -n ${TREES:-4} -s ${SEED:-$(date +%s)000} /run/work $*"
