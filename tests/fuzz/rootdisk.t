#!/bin/bash
# A short run of the root disk's fuzz target: FUZZ= seconds (10).
set -euo pipefail
. tests/lib/tap.sh
corpus=build/fuzz/rootdisk.corpus
mkdir -p "$corpus"
check "fuzz layout and encode for ${FUZZ:-10} s" \
    build/fuzz/fuzz_rootdisk -max_total_time="${FUZZ:-10}" -max_len=20000 -verbosity=0 -artifact_prefix=build/fuzz/ "$corpus"
done_testing
