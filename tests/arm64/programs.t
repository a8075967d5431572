#!/bin/bash
# The arm64 programs themselves, under qemu-user.
set -euo pipefail
. tests/lib/tap.sh
command -v qemu-aarch64-static >/dev/null || skip_all 'there is no qemu-aarch64-static'
qemu=(qemu-aarch64-static -L build/sysroot-arm64)
arm() { "${qemu[@]}" "build/arm64/bin/$1" "${@:2}"; } # PROGRAM args...
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# --- entry ------------------------------------------------------------------------------------------
capture arm entry --help
is 'entry --help is what it is on x86_64' "$STATUS $STDOUT" "0 $(build/bin/entry --help)"
for file in initrd firecracker jailer; do
    install -m 755 /dev/null "$folder/$file"
done
# Linux Documentation/arm64/booting.rst: the magic number's place
{ head -c 56 /dev/zero; printf 'ARM\x64'; } >"$folder/Image"
dry_run() { # KERNEL
    env -i "PATH=$PATH" VM_ROOTFS_DIR=build/rootfs-static "VM_KERNEL_IMAGE=$1" "VM_INITRD_IMAGE=$folder/initrd" \
        "VM_FIRECRACKER_BIN=$folder/firecracker" "VM_JAILER_BIN=$folder/jailer" VM_PORTS=8080:80 VCPU_COUNT=3 \
        "${qemu[@]}" build/arm64/bin/entry --dry-run /guest-static exit 3
}
capture dry_run "$folder/Image"
like 'entry --dry-run' "$STATUS $STDOUT" '0 {*"vcpu_count":3,*"ports":\[*8080*'
is "and the boot arguments of kernels/README.md" "$(jq -r .boot_args <<<"$STDOUT")" \
    "$(sed -n 's/^    \(console=ttyS0 .*\)/\1/p' kernels/README.md | sed -n 2p)"
printf '\177ELF and so on' >"$folder/vmlinux"
capture dry_run "$folder/vmlinux"
like 'a kernel of another architecture is refused' "$STATUS $STDERR" '125 *VM_KERNEL_IMAGE=*is not an arm64 kernel*'

# --- rootdisk ---------------------------------------------------------------------------------------
for tree in build/rootfs-debian tests; do
    check "rootdisk write of $tree" arm rootdisk write "$tree" "$folder/arm64.img"
    build/bin/rootdisk write "$tree" "$folder/x86_64.img"
    check "is to the byte what x86_64 writes" cmp "$folder/arm64.img" "$folder/x86_64.img"
done

# --- ctr-jailer -------------------------------------------------------------------------------------
capture arm ctr-jailer status
like 'ctr-jailer where no VM runs' "$STATUS $STDERR" '125 ctr-jailer: no VM is running here'

# --- netsetup: qemu-user passes rtnetlink's links and addresses on, its neighbours and nf_tables not ------------
network() {
    ip link set lo up
    # shellcheck disable=SC2086 # words
    $QEMU build/arm64/bin/netsetup up --tap ctr7 --tap-ip 10.1.2.1 --ports 8080:80 --no-ipv6 arm-vm
    echo "$? left: $(ip -br link show ctr7 2>&1)"
}
export -f network
capture env QEMU="${qemu[*]}" unshare -n bash -uo pipefail -c network
like 'netsetup up makes the TAP, as far as its neighbour' "$STDERR" '*cannot set the guest?s neighbour entry on TAP device ctr7: Operation not supported*'
is 'and leaves nothing' "$STDOUT" '125 left: Device "ctr7" does not exist.'
done_testing
