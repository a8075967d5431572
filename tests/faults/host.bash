# What the suites here have in common; a suite sources this first.  They run on this machine, in namespaces of their own,
# which end all that a suite starts, with a folder $work for all files.
# shellcheck shell=bash
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
for device in /dev/kvm /dev/fuse /dev/net/tun; do [ -e $device ] || skip_all "needs $device"; done
[ -n "${FAULTS_INSIDE:-}" ] || FAULTS_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
work=$(mktemp -d /tmp/faults.XXXXXX)
mount -t tmpfs faults "$work" # mode 1777: the preloaded library writes there as any user
mkdir "$work/jails" "$work/scratch"

# A host without an engine: /run and /var/lib of its own, ctr-jailer and entry in $work/bin, a tree for an image, and the
# environment of a small VM whose kernel and image come from the store.
store_host() {
    top=$PWD
    mount -t tmpfs -o mode=755 run /run
    mount -t tmpfs -o mode=755 lib /var/lib
    mkdir "$work/bin" "$work/tree"
    ln -s "$top/build/bin/ctr-jailer" "$top/build/faults/entry" "$work/bin"
    cp -a build/rootfs-static/. "$work/tree"
    # shellcheck disable=SC2034
    run=(env PATH="$work/bin:$PATH" VM_LOG_LEVEL=error "${small_machine[@]}") # in front of ctr-jailer
}

# A way out for guests: a device that leads nowhere, and the default route.
uplink() {
    ip link set lo up
    ip tuntap add up0 mode tap # there without a module more
    ip addr add 192.0.2.1/24 dev up0
    ip link set up0 addrgenmode none up
    ip route add default via 192.0.2.2
}

# The environment of a small VM, for env -i: real jailer and Firecracker, and, in small_vm, a tree and a kernel that waits.
# A suite adds its own, or replaces these by what comes later.
small_machine=(VM_INITRD_IMAGE="$PWD/build/initramfs.cpio" VM_FIRECRACKER_BIN="$PWD/build/firecracker/firecracker" VM_JAILER_BIN="$PWD/build/firecracker/jailer"
    VM_JAIL_BASE="$work/jails" VM_SCRATCH_DIR="$work/scratch" ROOTFS_SIZE=64M DATAFS_SIZE=64M MEM_SIZE_MIB=64 VCPU_COUNT=1)
# shellcheck disable=SC2034
small_vm=(PATH="$PATH" VM_ROOTFS_DIR="$PWD/build/rootfs-static" VM_KERNEL_IMAGE="$PWD/build/faults/waiting" "${small_machine[@]}")
