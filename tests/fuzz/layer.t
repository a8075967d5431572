#!/bin/bash
# A short run of the layers of images, in a directory, from the corpus in the repository: FUZZ= seconds (5).
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root: layers have owners"
mkdir -p build/fuzz/layer.new
check "every input of the corpus" build/fuzz/fuzz_layer -runs=0 -artifact_prefix=build/fuzz/ build/fuzz/layer.corpus
check "fuzz for ${FUZZ:-5} s" build/fuzz/fuzz_layer -close_fd_mask=2 -max_total_time="${FUZZ:-5}" -max_len=400 \
    -verbosity=0 -artifact_prefix=build/fuzz/ build/fuzz/layer.new build/fuzz/layer.corpus
done_testing
