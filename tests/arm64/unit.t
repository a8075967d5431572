#!/bin/bash
# The unit tests of the arm64 build, under qemu-user.
set -uo pipefail
arm=build/arm64
command -v qemu-aarch64-static >/dev/null || { echo '1..0 # SKIP there is no qemu-aarch64-static'; exit 0; }
status=0
for program in "$arm"/unit/test_*; do
    name=${program##*/}
    [ -e "tests/unit/$name.c" ] || continue # gone since
    CMOCKA_MESSAGE_OUTPUT=TAP qemu-aarch64-static -L build/sysroot-arm64 "$program" 2>&1 |
        sed "s/^\(\(not \)*ok [0-9]* \(# SKIP\|-\) \)/\1$name: /" || status=1
done
exit "$status"
