#!/bin/bash
# The root disk's oracle suite on the guest's kernel version, in the emulated host.
#: timeout 900
set -euo pipefail
make -s build/testhost/initrd.cpio
export TIMEOUT=900
exec "$(dirname "$0")/rootdisk.sh" guest
