#!/bin/bash
# The sizes of disks that nobody gave: VM after VM on one filesystem, all of them together fit what is free.  Real entry,
# jailer and Firecracker as in start.t; each VM is stopped in the middle of its start, with its disks made.
#: timeout 200
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
for device in /dev/kvm /dev/fuse; do [ -e $device ] || skip_all "needs $device"; done
[ -n "${FAULTS_INSIDE:-}" ] || FAULTS_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
entry=$PWD/build/faults/entry
work=$(mktemp -d /tmp/faults.XXXXXX)
mount -t tmpfs -o mode=755 faults "$work"
mkdir "$work"/{jails,disks,data}
mount -t tmpfs -o size=16G,mode=755 disks "$work/disks" # no page of it is ever used but a few
mkdir "$work"/disks/{scratch,data}

vm=(env -i PATH="$PATH" VM_ROOTFS_DIR="$PWD/build/rootfs-static" VM_KERNEL_IMAGE="$PWD/build/faults/vmlinux" VM_INITRD_IMAGE="$PWD/build/initramfs.cpio"
    VM_FIRECRACKER_BIN="$PWD/build/firecracker/firecracker" VM_JAILER_BIN="$work/jailer"
    VM_JAIL_BASE="$work/jails" VM_SCRATCH_DIR="$work/disks/scratch" VM_DATA_DIR="$work/data"
    MEM_SIZE_MIB=64 VCPU_COUNT=1 VM_NETWORK=none)
plan() { # [NAME=value...]: ROOT and DATA, in MiB
    capture "${vm[@]}" "$@" "$entry" --dry-run /guest-static
    ROOT=$(($(jq .drives.rootfs_bytes <<<"$STDOUT") >> 20)) DATA=$(($(jq .drives.datafs_bytes <<<"$STDOUT") >> 20))
}
# A jailer that stays: the VM has its disks, and does not end.
printf '#!/bin/sh\necho up >>%q\nexec sleep 1000\n' "$work/up" >"$work/jailer"
chmod +x "$work/jailer"
: >"$work/up"
up() { [ "$(wc -l <"$work/up")" = "$1" ]; }
free=$((16 * 1024 - 16 * 1024 / 20))

plan
is "a plan says the sizes, a quarter each" "$ROOT $DATA/$STDERR" "$((free * 63 / 64 / 4)) $((free * 63 / 64 / 4))/"
sum=0 last=$free less=''
for n in 1 2 3 4 5 6; do
    plan
    [ "$ROOT" -lt "$last" ] || less+="VM $n: $ROOT after $last. "
    sum=$((sum + ROOT + DATA)) last=$ROOT
    "${vm[@]}" "$entry" /guest-static >"$work/log$n" 2>&1 &
    check "VM $n is up, with $ROOT and $DATA MiB" wait_until 30 up $n
done
is "each gets less than the one before" "$less" ""
note "six VMs: $sum MiB of $free"
check "all together fit what is free" test $sum -lt $free
check "most of it is used" test $sum -gt $((free * 9 / 10))
is "and nobody complains" "$(cat "$work"/log?)" ""

plan ROOTFS_SIZE=10G
is "a size that is given is that" "$ROOT" 10240
like "and a warning where it cannot fit" "$STDERR" "*ROOTFS_SIZE=10240 MiB is more than $work/disks/scratch has room for beside the disks of other VMs (* MiB)*"
plan ROOTFS_SIZE=64M DATAFS_SIZE=16M
is "none where it can" "$ROOT $DATA/$STDERR" "64 16/"

# What is written is not counted twice: a file that has all of its blocks promises nothing more.
plan
before=$ROOT
fallocate -l 1G "$work/disks/host"
plan
check "what the host writes makes disks smaller ($before, then $ROOT)" test "$ROOT" -lt "$before"
rm "$work/disks/host"
# Ended, they have promised nothing.
jobs -p | xargs kill
wait || true
plan
is "once they have ended all is as before" "$ROOT $DATA" "$((free * 63 / 64 / 4)) $((free * 63 / 64 / 4))"

# A data disk that is there keeps its size, and what it may still grow by is not given to others.
mount --bind "$work/disks/data" "$work/data"
truncate -s 8G "$work/data/data.ext4"
plan
is "a data disk that is there is as large as it is" "$DATA" 8192
is "and has that promised" "$ROOT" $(((free * 63 / 64 - 8192) / 4))
rm "$work/data/data.ext4"
fallocate -l $(((free - 100) * 1024 * 1024)) "$work/disks/host"
plan
is "where there is nearly nothing, a disk has 64 MiB" "$ROOT $DATA" "64 64"
like "and a warning says so" "$STDERR" "*DATAFS_SIZE is not set, and 64 MiB is more than $work/data has room for*"
umount "$work/data"
umount "$work/disks"
umount "$work"
rmdir "$work"
done_testing
