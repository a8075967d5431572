#!/bin/bash
# What guest-init's own part of a boot costs, the kernel's work for it included, and what a shell script's costs that
# does the same: counted, not timed.  With -icount QEMU's guest has a clock that goes 16 ns an instruction, so what it
# says is the same on a busy machine.  No KVM, so no Firecracker and no vsock device: tests/kernels/standin plays entry,
# and what it does counts too.  While it waits for a disk the guest spins (idle=poll): QEMU would set its clock forward
# to the next timer.
#: timeout 300
set -euo pipefail
. tests/lib/tap.sh
. tests/kernels/lib.sh
. tests/kernels/qemu.sh
kernel=build/kernel-microvm-x86_64/vmlinux
[ -e "$kernel" ] || skip_all 'our kernel is not built (make kernel-x86_64)'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
SHIFT=4

# guest BOOT-ARGS: the console of one with $folder/initrd
guest() {
    devices "$folder" "$KT/static.erofs" vda vdb vdc
    qemu x86_64 120 "$kernel" "$folder/initrd" "${BOOT_ARGS% rdinit=*} reboot=t idle=poll $1" \
        -M microvm,acpi=off,x-option-roms=off -accel tcg -icount "shift=$SHIFT,sleep=off" -cpu max -m 128 "${DEVICES[@]}"
}
mapfile -t GUEST_ENV < <(printf "VARIABLE_%s=its value\n" {1..40})
millions() { echo "$(($1 / (1 << SHIFT))).$(($1 * 10 / (1 << SHIFT) % 10)) million"; } # MS of the guest's clock
at_most() { # NAME MS BOUND
    if [ "$2" -le "$3" ]; then pass "$1"; else fail "$1" "$(millions "$2"), over $(millions "$3")"; fi
}

{ cat build/initramfs-microvm.cpio && own_segment "$KT/standin" /guest-static exit 5; } >"$folder/initrd"
console=$(guest "$STANDIN_ARGS")
init=$(standin_says started <<<"$console")
like "guest-init runs a command" "$init $console" '[0-9]*standin exited 5*'

mkdir -p "$folder/shell"/{bin,dev,proc,sys,lower,scratch,root,var}
install -m 755 tests/kernels/shell-init "$folder/shell/init"
cp /bin/busybox "$folder/shell/bin/"
for applet in sh mount mkdir ip hostname cat switch_root; do ln -s busybox "$folder/shell/bin/$applet"; done
printf "export VARIABLE_%s='its value'\n" {1..40} >"$folder/shell/var/environment"
(cd "$folder/shell" && find . -mindepth 1 | cpio -o -H newc --quiet) >"$folder/initrd"
console=$(guest rdinit=/init)
began=$(figure since_cs <<<"$console") ended=$(figure uptime_ms <<<"$console")
like "the shell script does" "$ended $console" '[0-9]*'
shell=$((ended - 10#$began * 10))

note "instructions: guest-init $(millions "$init"), the shell script $(millions "$shell")"
# 60 ms are 60 million instructions of a CPU that needs a nanosecond for each, which is slow.
at_most "guest-init's part: a tenth of what 60 ms are for, or less" "$init" $((6 << SHIFT))
at_most "and a quarter of the shell script's or less" "$init" $((shell / 4))
done_testing
