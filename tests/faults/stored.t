#!/bin/bash
# docs/store.md's commands, as they stand: they end with a VM from the store.  Entry, jailer and Firecracker are the real
# ones; the kernel is a few bytes that end the VM.
#: timeout 120
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
for device in /dev/kvm /dev/fuse /dev/net/tun; do [ -e $device ] || skip_all "needs $device"; done
[ -n "${STORED_INSIDE:-}" ] || STORED_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
top=$PWD
mount -t tmpfs -o mode=755 lib /var/lib
mount -t tmpfs -o mode=755 run /run
work=$(mktemp -d /tmp/stored.XXXXXX)
mount -t tmpfs stored "$work"
mkdir "$work/jails" "$work/scratch" "$work/bin"
tests/lib/blocks.py docs/store.md sh "$work/blocks"
# The others want a VM that goes on, and a follower of its log beside: faults/background and check/commands have them.
is "the page has four blocks of commands" "$(cd "$work/blocks" && echo *)" "1 2 3 4"
ln -s "$top"/build/bin/{ctr-jailer,rootdisk} "$top/build/faults/entry" "$work/bin"
cp -a build/rootfs-static "$work/my-tree"
cp build/faults/vmlinux "$work"
cd "$work"

capture env -i PATH="$work/bin:$PATH" VM_INITRD_IMAGE="$top/build/initramfs.cpio" VM_NETWORK=none VM_LOG_LEVEL=error \
    VM_FIRECRACKER_BIN="$top/build/firecracker/firecracker" VM_JAILER_BIN="$top/build/firecracker/jailer" \
    VM_JAIL_BASE="$work/jails" VM_SCRATCH_DIR="$work/scratch" ROOTFS_SIZE=64M DATAFS_SIZE=64M MEM_SIZE_MIB=64 VCPU_COUNT=1 \
    bash -e blocks/1
is "a VM starts from the store, as far as the kernel" "$STATUS $STDERR" \
    "125 ctr-jailer: the VM ended before the command did; its console says: (nothing)"
like "the commands before it say what they did" "$STDOUT" "my-org/my-app:1.0"$'\t'"sha256:*vmlinux-6.1"$'\t'"sha256:*"
check "the store is whole" bin/ctr-jailer image verify
check "and its kernel, too" bin/ctr-jailer kernel verify
done_testing
