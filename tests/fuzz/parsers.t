#!/bin/bash
# A short run of the parsers of what others write, from the corpora in the repository: FUZZ= seconds each (5).
set -euo pipefail
. tests/lib/tap.sh
for target in plan vmm texts oci; do
    new=build/fuzz/$target.new
    mkdir -p "$new"
    check "every input of the corpus of $target" \
        build/fuzz/fuzz_$target -runs=0 -artifact_prefix=build/fuzz/ "build/fuzz/$target.corpus"
    check "fuzz $target for ${FUZZ:-5} s" build/fuzz/fuzz_$target -max_total_time="${FUZZ:-5}" -max_len=20000 \
        -verbosity=0 -artifact_prefix=build/fuzz/ "$new" "build/fuzz/$target.corpus"
done

# What the targets' readers of JSON accept is JSON to jq, too: each of the plan's seeds through the program, with a tree
# that has its command.
bad='' accepted=0
tree=$(mktemp -d)
for seed in build/fuzz/plan.corpus/*; do
    variables=() arguments=()
    while IFS= read -r -d '' string || [ -n "$string" ]; do
        if [[ $string == @* ]]; then arguments+=("${string#@}"); elif [[ $string == ?*=* ]]; then variables+=("$string"); fi
    done <"$seed"
    command=$(realpath -sm "/${arguments[0]:-x}")
    [ -z "${command#/}" ] || { mkdir -p "$tree${command%/*}" && install -m 755 /dev/null "$tree$command"; }
    capture env -i VM_ROOTFS_DIR="$tree" PATH=/ VM_SCRATCH_DIR=/tmp VM_KERNEL_IMAGE=/bin/true VM_INITRD_IMAGE=/bin/true VM_FIRECRACKER_BIN=/bin/true \
        VM_JAILER_BIN=/bin/true "${variables[@]}" build/bin/entry --dry-run -- "${arguments[@]}"
    if [ "$STATUS" = 0 ]; then
        accepted=$((accepted + 1))
        jq -e '.command | length > 0' <<<"$STDOUT" >/dev/null || bad+="$seed: $STDOUT"$'\n'
    else
        [[ $STATUS == 125 && $STDOUT == '' && $STDERR == ctr-jailer:\ * ]] && ! grep -qv '^ctr-jailer: ' <<<"$STDERR" || bad+="$seed: $STATUS $STDERR"$'\n'
    fi
done
rm -rf "$tree"
note "$accepted of them are accepted"
is "--dry-run of each seed: JSON to jq, or lines of ours and 125" "$bad" ""
check "some are accepted" test $accepted -ge 8
done_testing
