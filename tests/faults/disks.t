#!/bin/bash
# The data disk's folder belongs to somebody who is not trusted, and so does what is on the disk: what e2fsprogs' programs
# run as, and what they, and the jail, can be made to open.  Real entry, jailer and Firecracker as in start.t.
#: timeout 300
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
for device in /dev/kvm /dev/fuse; do [ -e $device ] || skip_all "needs $device"; done
[ -n "${FAULTS_INSIDE:-}" ] || FAULTS_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
entry=$PWD/build/faults/entry owner=1234
work=$(mktemp -d /tmp/faults.XXXXXX)
mount -t tmpfs -o mode=755 faults "$work"
mkdir -m 700 "$work/jails" "$work/root-only"
mkdir -p "$work"/{scratch,data,stand-in,tree/folder}
mount -t tmpfs -o uid=$owner,mode=777 data "$work/data" # a mount: so what is in it stays
data=$work/data/data.ext4 victim=$work/root-only/victim

# The stand-ins for programs below do what a filter lets none of these do: entry is given the preloaded library that
# leaves filters out.
start() { # [NAME=value...]: whose command is the end of a start that went well
    capture env -i LD_PRELOAD="$PWD/build/inject.so" INJECT=0 PATH="$work/stand-in:$PATH" VM_ROOTFS_DIR="$PWD/build/rootfs-static" VM_KERNEL_IMAGE="$PWD/build/faults/vmlinux" VM_INITRD_IMAGE="$PWD/build/initramfs.cpio" \
        VM_FIRECRACKER_BIN="$PWD/build/firecracker/firecracker" VM_JAILER_BIN="$PWD/build/firecracker/jailer" \
        VM_JAIL_BASE="$work/jails" VM_SCRATCH_DIR="$work/scratch" VM_DATA_DIR="$work/data" VM_DATA_MOUNT=/data ROOTFS_SIZE=64M DATAFS_SIZE=64M \
        MEM_SIZE_MIB=64 VCPU_COUNT=1 VM_NETWORK=none VM_LOG_LEVEL=error "$@" "$entry" /guest-static </dev/null
}
whole="125/ctr-jailer: the VM ended before the command did; its console says: (nothing)"

# --- who the programs are --------------------------------------------------------------------------------------
# stand_in PROGRAM: in its place, what writes down who it runs as, and does what $work/stand-in/also says, first
stand_in() {
    cat >"$work/stand-in/$1" <<EOF
#!/bin/bash
exec 254>>$work/seen
for fd in /proc/\$\$/fd/*; do # but bash's own, of its script and of what it writes to
    [ \${fd##*/} -ge 254 ] || [ ! -e \$fd ] || { echo -n "fd: \${fd##*/} " >&254 && readlink \$fd >&254; }
done
echo "program: \$*" >&254
grep -E '^(Uid|Gid|Groups|CapPrm|CapEff|CapInh|CapAmb|CapBnd|NoNewPrivs|SigBlk|SigIgn):' /proc/self/status >&254
[ ! -e $work/stand-in/also ] || . $work/stand-in/also >&254 2>&1
exec 254>&-
exec $(type -P "$1") "\$@"
EOF
    chmod +x "$work/stand-in/$1"
    : >"$work/seen"
    chmod 666 "$work/seen"
}
seen() { awk -v f="$1:" '$1 == f { $1 = ""; print substr($0, 2) }' "$work/seen" | sort -u | paste -sd'|'; } # NAME
unprivileged() { # what it was, and its descriptors
    like "$1 runs as the VM's user" "$(seen Uid | tr '|' '\n' | grep -vE '^([12][0-9]{9}) \1 \1 \1$')/$(seen Gid)/$(seen Groups)" "/$(seen Uid)/"
    is "$1 has no capabilities, and gains none" "$(seen CapPrm) $(seen CapEff) $(seen CapInh) $(seen CapAmb) $(seen CapBnd) $(seen NoNewPrivs)" \
        "${2:-0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000} 1"
    # but 32 and 33, which are the C library's own: no program can set them, and make's children start with both ignored
    is "$1 has no signal blocked or ignored" "$(seen SigBlk) $((0x$(seen SigIgn) & ~0x180000000))" "0000000000000000 0"
}
descriptors() { seen fd | tr '|' '\n' | sed -E 's/(socket|pipe):.*/\1/; s/#[0-9]+/NUMBER/g; s/ \(deleted\)//' | sort -u | paste -sd'|'; }
stdio="0 /dev/null|1 pipe|2 pipe"

stand_in mke2fs
start
is "a start makes the data disk" "$STATUS/$STDERR" "$whole"
unprivileged mke2fs
is "mke2fs has the disk's descriptor and no other" "$(descriptors)" "$stdio|3 $work/data/data.ext4.new|3 $work/scratch/NUMBER"
rm "$work/stand-in/mke2fs"
for program in e2fsck resize2fs; do
    stand_in $program
    start DATAFS_SIZE=80M
    is "a start with $program" "$STATUS/$STDERR" "$whole"
    check "$program ran" grep -q '^program: ' "$work/seen"
    unprivileged $program
    is "$program has the disk's descriptor and no other" "$(descriptors)" "$stdio|3 $data"
    rm "$work/stand-in/$program"
    truncate -s 64M "$data" && mke2fs -qF "$data" # for resize2fs
done
chmod 640 "$data"
start setpriv --bounding-set=-all,+sys_admin,+mknod,+chown,+setuid,+setgid,+dac_override,+kill,+net_admin
is "a start with the least capabilities, on a disk that is another user's" "$STATUS/$STDERR" "$whole"
is "the disk has its mode again" "$(stat -c %a "$data")" 600
start env --ignore-signal=CHLD
is "a start by whoever ignores the ends of children" "$STATUS/$STDERR" "$whole"
# mke2fs -d reads the tree of root's files, and follows no link there: not one that was a folder when it looked
mkdir "$work/root-only/folder" && echo secret >"$work/root-only/folder/secret"
mkdir -m 700 "$work/tree/own" && echo own >"$work/tree/own/file" && chown -R $owner "$work/tree/own"
cp -r build/rootfs-static/. "$work/tree"
ln -s "$work/root-only/folder" "$work/tree/link"
stand_in mke2fs
cat >"$work/stand-in/also" <<'EOF'
if [ -d /proc/self/fd/4/own ]; then
    echo "own: $(</proc/self/fd/4/own/file)"
    echo "link: $(cat /proc/self/fd/4/link/secret 2>&1)"
fi
EOF
start VM_ROOTFS_DIR="$work/tree" VM_ROOTFS_FORMAT=ext4 DATAFS_SIZE=64M
is "a start whose root is copied" "$STATUS/$STDERR" "$whole"
is "anybody's files are copied" "$(seen own)" own
like "and no link is followed" "$(seen link)" "*Too many levels of symbolic links"
unprivileged mke2fs "0000000000000004 0000000000000004 0000000000000004 0000000000000004 0000000000000004"
rm "$work"/stand-in/*

# --- what is refused in the disk's place -----------------------------------------------------------------------
make_victim() { # an ext4 that e2fsck -p repairs
    rm -f "$victim"
    truncate -s 32M "$victim"
    mke2fs -qF "$victim"
    debugfs -w -R "ssv state 0" "$victim" 2>/dev/null
    debugfs -w -R "ssv free_blocks_count 77" "$victim" 2>/dev/null
    victim_sum=$(sha256sum "$victim")$(stat -c ' %u %a %s' "$victim")
}
untouched() { [ "$victim_sum" = "$(sha256sum "$victim")$(stat -c ' %u %a %s' "$victim")" ]; }
make_victim
refused() { # how what
    start
    is "$1 in its place is refused" "$STATUS/$STDERR" "125/ctr-jailer: the data disk $2 is refused: $3 (move it away)"
    check "and is left as it is" untouched
    rm -rf "${2:?}"
}
for place in "$data" "$data.new"; do
    rm -f "$data"
    ln -s "$victim" "$place"
    refused "a link" "$place" "it is a symbolic link"
    cp "$victim" "$work/data/other" && ln "$work/data/other" "$place"
    other=$(sha256sum <"$work/data/other")
    refused "a hard link" "$place" "it has another hard link"
    is "and so is its other name" "$(sha256sum <"$work/data/other")$(stat -c ' %u' "$work/data/other")" "$other 0"
    mkfifo "$place"
    refused "a FIFO" "$place" "it is not a regular file"
    mknod "$place" c 1 5
    refused "a device" "$place" "it is not a regular file"
    mkdir "$place"
    refused "a folder" "$place" "it is not a regular file"
done
: >"$data"
mount --bind "$victim" "$data"
start
is "another filesystem's file is refused" "$STATUS/$STDERR" "125/ctr-jailer: the data disk $data is refused: it is a mount point (move it away)"
umount "$data"
check "and is left as it is" untouched
rm -f "$work"/data/*

# --- what the guest has written to the disk ----------------------------------------------------------------------
hostile() { # NAME MESSAGE DEBUGFS-COMMAND...
    local command
    truncate -s 64M "$data"
    mke2fs -qF -t ext4 "$data"
    for command in "${@:3}"; do debugfs -w -R "$command" "$data" 2>/dev/null; done
    STATUS=0
    start timeout 100
    like "$1" "$STATUS/$STDERR" "125/ctr-jailer: the data disk $data $2"
    is "$1: in one line" "$(wc -l <<<"$STDERR")" 1
    rm -f "$data"
}
hostile "a disk that makes e2fsck wait" "has multiple mount protection, *" "feature mmp" "ssv mmp_update_interval 300"
broken="has errors that e2fsck does not repair by itself: *"
hostile "more inodes than there is room for" "$broken" "ssv inodes_count 0xffffffff" "ssv state 0"
hostile "more blocks than the file has" "$broken" "ssv blocks_count 0xffffffff" "ssv state 0"
hostile "more groups than there is memory for" "has errors that e2fsck does not repair by itself: Memory allocation failed while trying to open *" \
    "feature 64bit" "ssv desc_size 64" "ssv blocks_count 0x3fffffffff"
hostile "blocks of 64 KiB" "$broken" "ssv log_block_size 6"
hostile "groups of nothing" "$broken" "ssv blocks_per_group 8"
hostile "quotas in another file" "$broken" "feature quota" "ssv usr_quota_inum 5" "ssv state 0"

# --- what the guest has freed --------------------------------------------------------------------------------------
filled() { # with what is deleted again, as a guest does it
    mkdir -p "$work/mnt"
    mount -o loop "$data" "$work/mnt"
    head -c "$1" /dev/urandom >"$work/mnt/large" && head -c 1000000 /dev/urandom >"$work/mnt/kept"
    sync "$work/mnt/large"
    rm "$work/mnt/large"
    kept=$(sha256sum <"$work/mnt/kept")
    umount "$work/mnt"
}
takes() { stat -c %b "$data"; } # blocks of 512 bytes
start DATAFS_SIZE=300M
filled 100000000
before=$(takes)
start
is "a start with a data disk where much was freed" "$STATUS/$STDERR" "$whole"
check "the host has it back: $before blocks, then $(takes)" test "$(takes)" -lt $((before / 10))
check "it is clean" e2fsck -fn "$data"
mount -o loop,ro,noload "$data" "$work/mnt"
is "and keeps what is kept" "$(sha256sum <"$work/mnt/kept")" "$kept"
umount "$work/mnt"
filled 10000000
before=$(takes)
start
is "a little is not worth a whole check" "$(takes)" "$before"
rm -f "$work"/data/*

# --- as large as e2fsck has threads for, and with the filter -----------------------------------------------------------
start DATAFS_SIZE=80G env -u LD_PRELOAD
debugfs -w -R "ssv state 0" "$data" 2>/dev/null
start DATAFS_SIZE=80G env -u LD_PRELOAD
is "a start with a disk of 80 GiB that is checked" "$STATUS/$STDERR" "$whole"
rm -f "$work"/data/*

# --- what is put there once we have looked --------------------------------------------------------------------
start
is "a start makes a new one" "$STATUS/$STDERR" "$whole"
ln -s "$victim" "$work/data/link"
stand_in e2fsck
echo "[ ! -L $work/data/link ] || mv -T $work/data/data.ext4 $work/data/real && mv -T $work/data/link $work/data/data.ext4 || true" >"$work/stand-in/also"
start DATAFS_SIZE=100M
is "a link that takes its place while e2fsck runs does not get into the jail" "$STATUS/$STDERR" \
    "125/ctr-jailer: cannot mount $data into the jail: another process replaced it"
check "nor is what it leads to touched" untouched
check "it did take its place" test -L "$data"
check "and the disk itself was grown" test "$(stat -c %s "$work/data/real")" = $((100 << 20))
mv -T "$data" "$work/data/link" && mv -T "$work/data/real" "$data"
rm "$work"/stand-in/*

debugfs -w -R 'rmdir lost+found' "$data" 2>/dev/null # as the guest's init does
start VM_LOG_LEVEL=warn DATAFS_SIZE=110M
is "a disk that grows without lost+found was not repaired" "$STATUS/$(stat -c %s "$data")/$(grep -c repaired <<<"$STDERR" || true)" \
    "125/$((110 << 20))/0"

chmod 700 "$work/data" # its owner's
setpriv --reuid $owner --regid $owner --clear-groups python3 - "$work/data" <<'EOF' &
import ctypes, os, sys
os.chdir(sys.argv[1])
exchange = ctypes.CDLL(None).renameat2
while True:
    exchange(-100, b"data.ext4", -100, b"link", 2)  # RENAME_EXCHANGE
EOF
swapper=$!
started=0 other='' # Firecracker may end, as this kernel makes it, before it has answered to the start (/actions)
for _ in {1..20}; do
    start DATAFS_SIZE=120M
    case $STATUS/$STDERR in
    "$whole" | *"(/actions)") started=$((started + 1)) ;;
    *"is refused: it is a symbolic link"* | *"another process replaced it"*) ;;
    *) other+=$STATUS/$STDERR$'\n' ;;
    esac
done
check "its owner still swaps" kill $swapper
note "$started of 20 starts got past the swaps"
is "an owner that swaps all the time gets nothing but refusals" "$other" ""
check "and what the link leads to is untouched" untouched
is "nothing is left of them" "$(find "$work/scratch" "$work/jails" -mindepth 2)" ""
umount "$work/data"
umount "$work"
rmdir "$work"
done_testing
