#!/bin/bash
#: kvm
#: timeout 600
# Our kernel beside Debian's, boot by boot in turns on the same host: time to the first instruction of
# init, and guest memory in use there.  ROUNDS boots of each.  Printed are the least and the median; the
# least counts, since a busy host only ever adds.
#
# "outside" is from Firecracker's start to init, "init" the guest's own clock at init, "ready" that with
# /proc, /sys, /dev mounted and the modules loaded.  "used" is what the guest's memory lacks to MemFree.
set -euo pipefail
. tests/lib/tap.sh
. tests/kernels/lib.sh
[ -s build/kernel-microvm-x86_64/vmlinux ] || skip_all 'the kernel is not built (make kernel-x86_64)'
: "${ROUNDS:=5}" "${MEM_MIB:=128}"
figures=$(mktemp -d)
trap 'rm -rf "$figures"' EXIT

for ((round = 0; round < ROUNDS; round++)); do
    for name in cloud-amd64 microvm-x86_64; do
        console=$(boot "build/kernel-$name/vmlinux" "$KT/probe-$name.cpio") ||
            { note "a boot of $name failed: $console"; continue; }
        figure init_ms <<<"$console" >>"$figures/$name.outside_ms"
        echo $(($(figure init_us <<<"$console") / 1000)) >>"$figures/$name.init_ms"
        echo $(($(figure ready_us <<<"$console") / 1000)) >>"$figures/$name.ready_ms"
        echo $((MEM_MIB * 1024 - $(figure free_kb <<<"$console"))) >>"$figures/$name.used_kb"
        figure rss_kb <<<"$console" >>"$figures/$name.rss_kb"
    done
done
of() { sort -n "$figures/$1" | head -n 1; } # KERNEL.FIGURE
note "least / median of $ROUNDS boots"
for name in cloud-amd64 microvm-x86_64; do
    text=$(printf '%-15s' $name)
    for what in 'outside ms' 'init ms' 'ready ms' 'used kb' 'rss kb'; do
        file=$name.${what/ /_}
        [ -s "$figures/$file" ] || { fail "$name boots" 'no boot came to its end'; done_testing; exit; }
        text+=$(printf '  %s %6s / %-6s' "$what" "$(of "$file")" "$(median <"$figures/$file")")
    done
    note "$text"
done
at_most() { # name got bound
    if [ "$2" -le "$3" ]; then pass "$1 ($2, bound $3)"; else fail "$1" "$2 is over $3"; fi
}
at_most 'init starts in half the time of the Debian kernel or less, in ms' \
    "$(of microvm-x86_64.init_ms)" $(($(of cloud-amd64.init_ms) / 2))
at_most 'and so it does from outside' "$(of microvm-x86_64.outside_ms)" $(($(of cloud-amd64.outside_ms) / 2))
at_most 'the guest uses 20 MiB less or better, in KiB' \
    "$(of microvm-x86_64.used_kb)" $(($(of cloud-amd64.used_kb) - 20 * 1024))
done_testing
