#!/bin/bash
# A short run of the share's server, on a folder, from the corpus in the repository: FUZZ= seconds (10).
set -euo pipefail
. tests/lib/tap.sh
mkdir -p build/fuzz/share.new
check "every input of the corpus" \
    build/fuzz/fuzz_share -close_fd_mask=3 -runs=0 -artifact_prefix=build/fuzz/ build/fuzz/share.corpus
check "fuzz for ${FUZZ:-10} s" build/fuzz/fuzz_share -close_fd_mask=3 -max_total_time="${FUZZ:-10}" -max_len=2000 \
    -verbosity=0 -artifact_prefix=build/fuzz/ build/fuzz/share.new build/fuzz/share.corpus
done_testing
