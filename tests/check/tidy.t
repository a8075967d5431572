#!/bin/bash
#: timeout 600
# clang-tidy finds nothing (mk/test.mk: only files that changed since the last time are looked at).
set -euo pipefail
. tests/lib/tap.sh
unset MAKEFLAGS MAKELEVEL
check 'clang-tidy' make -s -k -j2 tidy
done_testing
