#!/bin/bash
#: kvm
#: timeout 300
# Our x86_64 kernel in Firecracker: every promise of kernels/README.md, tried from inside of a guest; with
# several CPUs; and ended as the guest asks for it.
set -euo pipefail
. tests/lib/tap.sh
. tests/kernels/lib.sh
kernel=build/kernel-microvm-x86_64/vmlinux
[ -s "$kernel" ] || skip_all 'the kernel is not built (make kernel-x86_64)'

console=$(boot "$kernel" "$KT/probe-microvm-x86_64.cpio" features) || note 'the VM did not end by itself'
tried=0
while read -r line; do
    case $line in
    'ok '*) pass "${line#ok }" ;;
    'not ok '*) fail "$(sed 's/^not ok //; s/:.*//' <<<"$line")" "$line" ;;
    *) continue ;;
    esac
    tried=$((tried + 1))
done <<<"$console"
if [ "$tried" -ge 40 ] && grep -qx 'done' <<<"$console"; then
    pass 'the probe came to its end'
else
    fail 'the probe came to its end' "$console"
fi
is 'the VM ends with status 0 when the guest reboots' "$(figure status <<<"$console")" 0
is 'a boot prints nothing on the console' "$(sed '/^@$/,$d; /^....-..-..T/d; /^ *$/d' <<<"$console")" ''

for cpus in 2 4; do
    console=$(CPUS=$cpus boot "$kernel" "$KT/probe-microvm-x86_64.cpio") || true
    is "$cpus CPUs are online" "$(figure cpus <<<"$console")" "$cpus"
done

ip link delete ctrprobe
done_testing
