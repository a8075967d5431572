#!/bin/bash
# A short run of both ends of the guest channel and of the DNS relay, from the corpora in the repository: FUZZ= seconds
# each (10).
set -euo pipefail
. tests/lib/tap.sh
for end in host guest relay; do
    new=build/fuzz/$end.new
    mkdir -p "$new"
    check "every input of the $end's corpus" \
        build/fuzz/fuzz_$end -close_fd_mask=3 -runs=0 -artifact_prefix=build/fuzz/ "build/fuzz/$end.corpus"
    check "fuzz the $end's end for ${FUZZ:-10} s" build/fuzz/fuzz_$end -close_fd_mask=3 -max_total_time="${FUZZ:-10}" \
        -max_len=1000 -verbosity=0 -artifact_prefix=build/fuzz/ "$new" "build/fuzz/$end.corpus"
done
done_testing
