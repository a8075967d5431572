#!/bin/bash
#: timeout 600
# The arm64 kernel, guest-init and initramfs, all cross-built, in QEMU's virt machine without acceleration:
# what the kernel promises, and a command from an EROFS root under an overlay, with its exit code.  There is
# no Firecracker for arm64 here and no vsock device: tests/kernels/standin plays entry.
set -euo pipefail
. tests/lib/tap.sh
. tests/kernels/lib.sh
kernel=build/kernel-microvm-arm64/Image arm=build/arm64
[ -s "$kernel" ] || skip_all 'the kernel is not built (make kernel-arm64)'
command -v qemu-system-aarch64 >/dev/null || skip_all 'there is no qemu-system-aarch64'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# qemu INITRD BOOT-ARGS ROOT: vda ROOT, vdb and vdc ext4.  virtio-mmio as Firecracker has it; the last
# device given is found first.
qemu() {
    local initrd=$1 append=$2 root=$3 disk devices=()
    cp "$KT/data.ext4" "$folder/vdb"
    cp "$KT/data.ext4" "$folder/vdc"
    cp "$root" "$folder/vda"
    for disk in vdc vdb vda; do
        devices+=(-drive "if=none,id=$disk,format=raw,file=$folder/$disk" -device "virtio-blk-device,drive=$disk")
    done
    "$KT/watch" 200 qemu-system-aarch64 -nodefaults -no-user-config -display none -no-reboot -serial stdio \
        -M virt,gic-version=3 -cpu max,pauth-impdef=on -smp 1 -m 256 -global virtio-mmio.force-legacy=false \
        -kernel "$kernel" -initrd "$initrd" "${devices[@]}" -netdev user,id=n -device virtio-net-device,netdev=n \
        -device virtio-rng-device -device virtio-balloon-device \
        -append "${ARM64_BOOT_ARGS/ttyS0/ttyAMA0} $append" 2>&1 </dev/null | tr -d '\r' | tr '\0' '\n' || true
}

console=$(qemu "$arm/kernels/probe.cpio" 'rdinit=/sbin/init -- features' "$KT/root.erofs")
tried=0
while read -r line; do
    name=$(sed 's/^\(not \)*ok //; s/:.*//' <<<"$line")
    case $line in
    'not ok vsock'* | 'not ok ptp'*) skip "$name" 'QEMU has no such device' ;;
    'ok '*) pass "$name" ;;
    'not ok '*) fail "$name" "$line" ;;
    *) continue ;;
    esac
    tried=$((tried + 1))
done <<<"$console"
if [ "$tried" -ge 39 ]; then pass 'the probe came to its end'; else fail 'the probe came to its end' "$console"; fi

# guest COMMAND [ARG...]: the console of a guest in which guest-init runs it.  The initramfs has two
# segments, as entry makes it.
guest() {
    rm -rf "$folder/own"
    mkdir -p "$folder/own"/{sbin,var}
    cp "$arm/kernels/standin" "$folder/own/sbin/"
    printf '%s\0' rootfs=erofs hostname=arm64-guest >"$folder/own/var/settings"
    printf '%s\0' GREETING='hello there' >"$folder/own/var/environment"
    printf '%s\0' "$@" >"$folder/own/var/command"
    cp "$arm/initramfs.cpio" "$folder/initrd"
    (cd "$folder/own" && printf '%s\n' sbin/standin var/settings var/environment var/command |
        cpio -o -H newc --quiet) >>"$folder/initrd"
    qemu "$folder/initrd" 'initcall_blacklist=virtio_vsock_init rdinit=/sbin/standin' "$arm/kernels/static.erofs"
}
exited() { sed -n 's/^standin exited //p'; }

for code in 0 7 255; do
    console=$(guest /guest-static exit $code)
    is "a command's exit code $code" "$(exited <<<"$console")" "$code"
done
console=$(guest /guest-static kill 9)
is 'death by a signal' "$(exited <<<"$console")" 137
console=$(guest /guest-static env)
like 'the environment and the output' "$console" '*GREETING=hello there*'
console=$(guest /guest-static cat /etc/hostname)
like 'a file that init has put over the root' "$console" '*arm64-guest*'
is 'the VM ends by itself, with status 0' "$(figure status <<<"$console")" 0
console=$(guest /not-there)
like 'a command that does not exist' "$console" '*standin failed 127: *'
done_testing
