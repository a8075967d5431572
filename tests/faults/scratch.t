#!/bin/bash
# VM_SCRATCH_DIR is where anybody may make files, as /var/tmp: whatever somebody put there under names like ours neither
# hinders a start nor is touched by it, with and without O_TMPFILE.
#: timeout 120
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
for device in /dev/kvm /dev/fuse /dev/net/tun; do [ -e $device ] || skip_all "needs $device"; done
[ -n "${SCRATCH_INSIDE:-}" ] || SCRATCH_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
work=$(mktemp -d /tmp/scratch.XXXXXX)
mount -t tmpfs scratch "$work"
mount -t tmpfs -o mode=755 run /run
mkdir -m 1777 "$work/scratch"
mkdir "$work/jails" "$work/victim"
echo precious >"$work/victim/file"
names=(root data scratch)
squat() { # COMMAND: makes the file $1 in the scratch folder, as another user, for each of a VM's disks
    local name
    for name in "${names[@]}"; do
        setpriv --reuid=65533 --regid=65533 --clear-groups bash -c "$1" - "$work/scratch/ctr-jailer-squat.$name" "$work/victim"
    done
}
# The kernel ends its VM at once: a start that gets there has had all its disks.
whole="125 ctr-jailer: the VM ended before the command did; its console says: (nothing)"
start() { # [NAME=value...]
    capture env -i PATH="$PATH" VM_ROOTFS_DIR="$PWD/build/rootfs-static" VM_KERNEL_IMAGE="$PWD/build/faults/vmlinux" VM_INITRD_IMAGE="$PWD/build/initramfs.cpio" \
        VM_FIRECRACKER_BIN="$PWD/build/firecracker/firecracker" VM_JAILER_BIN="$PWD/build/firecracker/jailer" VM_NETWORK=none VM_ID=squat \
        VM_JAIL_BASE="$work/jails" VM_SCRATCH_DIR="$work/scratch" ROOTFS_SIZE=64M DATAFS_SIZE=64M MEM_SIZE_MIB=64 VCPU_COUNT=1 \
        VM_LOG_LEVEL=error "$@" "$PWD/build/faults/entry" /guest-static </dev/null
}
theirs() { (cd "$work/scratch" && find . ! -name . -printf '%f %U %y %l\n' | sort); }

attempt() { # WHAT COMMAND [NAME=value...]
    squat "$2"
    local before
    before=$(theirs)
    start "${@:3}"
    is "$1: the VM starts" "$STATUS $STDERR" "$whole"
    is "$1: what is theirs is as it was" "$(theirs)" "$before"
    is "$1: nothing else was written" "$(cat "$work/victim"/*)" precious
    rm -rf "$work/scratch"/*
}
# shellcheck disable=SC2016 # for the other user's shell
for how in "" VM_ROOTFS_FORMAT=ext4; do
    attempt "${how:-erofs}, files" 'echo mine >"$1"' $how
    attempt "${how:-erofs}, links" 'ln -s "$2/file" "$1"' $how
    attempt "${how:-erofs}, links to nothing" 'ln -s "$2/new" "$1"' $how
    attempt "${how:-erofs}, folders" 'mkdir "$1"' $how
    attempt "${how:-erofs}, FIFOs" 'mkfifo "$1"' $how
done

# --- the jail's folder ------------------------------------------------------------------------------------------------
# Whoever owns a folder on the way to it could put a link in its place at any moment.
refused() { # WHAT BASE TEXT: and nothing was made
    local before
    before=$(find "$work" | sort)
    start VM_JAIL_BASE="$2"
    like "$1: one line" "$STATUS $STDERR" "125 ctr-jailer: VM_JAIL_BASE=$2: $3 (use a directory that belongs to root, and whose parents do)"
    is "$1: nothing is made" "$(find "$work" | sort)" "$before"
}
mkdir -p "$work/theirs/jails" "$work/shared/jails" "$work/mine/theirs"
chown 65533:65533 "$work/theirs" "$work/mine/theirs"
chmod 777 "$work/shared"
ln -s "$work/mine" "$work/link"
ln -s "$work/mine" "$work/theirs/link"
refused "in another user's folder" "$work/theirs/jails" "$work/theirs belongs to user 65533, *"
refused "another user's folder" "$work/mine/theirs" "$work/mine/theirs belongs to user 65533, *"
refused "in a folder where others write" "$work/shared/jails" "users other than root can write to $work/shared, *"
refused "by a link there" "$work/theirs/link/jails" "$work/theirs belongs to user 65533, *"
refused "by a link to there" "$work/link/theirs/jails" "$work/mine/theirs belongs to user 65533, *"
start VM_JAIL_BASE="$work/link/new"
is "by links of root's, to a folder that is made: the VM starts" "$STATUS $STDERR" "$whole"
mkdir -m 1777 "$work/sticky"
start VM_JAIL_BASE="$work/sticky/new"
is "in a folder like /tmp: the VM starts" "$STATUS $STDERR" "$whole"
mkdir "$work/sticky/firecracker"
chown 65533 "$work/sticky/firecracker"
refused "in a folder like /tmp, where somebody was first" "$work/sticky" "$work/sticky/firecracker belongs to user 65533, *"
umount "$work"
rmdir "$work"
done_testing
