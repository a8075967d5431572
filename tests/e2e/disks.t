#!/bin/bash
# The data disk, volumes, sealed images, and what becomes of the guest's disks when something goes wrong.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)
mkdir -p /jail/data
mount -t tmpfs -o size=100M data /jail/data

# A tree of busybox and some files; the guest's shell takes a line of stdin for each step that we have made.
VM_TREE=$work/tree
mkdir -p "$VM_TREE"/{bin,lib/app/data,proc}
cp "$(command -v busybox)" "$VM_TREE/bin/busybox"
chmod 2750 "$VM_TREE/lib/app/data" && chown 1000:1001 "$VM_TREE/lib/app/data"
for name in changed shrunk gone kept; do head -c 9000 /dev/zero | tr '\0' "${name:0:1}" >"$VM_TREE/$name"; done
# Each is more than the scratch disk has room for; and the guest's kernel does not tell lseek of EROFS' holes.
truncate -s 1G "$VM_TREE/lastlog" "$VM_TREE/faillog"
mkdir "$VM_TREE/lib/other"
ln "$VM_TREE/faillog" "$VM_TREE/lib/other/link"
printf island | dd of="$VM_TREE/lastlog" bs=1 seek=500000000 conv=notrunc 2>/dev/null
touch -d @1000000000 "$VM_TREE/lastlog" && chown 3:4 "$VM_TREE/lastlog" && chmod 4640 "$VM_TREE/lastlog"
mkdir -p "$work"/volume/sub "$work/other"
echo secret >"$work/volume/sub/key" && chown 1234:1235 "$work/volume/sub/key" && chmod 400 "$work/volume/sub/key"
ln -s sub/key "$work/volume/link"
echo of-the-other >"$work/other/file"
touch "$work/other/mounted" # as Docker mounts a secret
mount --bind "$work/volume/sub/key" "$work/other/mounted"

# start NAME=value... -- script: a VM in the background whose stdin is descriptor 8; its output goes to out and err
start() {
    local variables=()
    while [ "$1" != -- ]; do
        variables+=("$1")
        shift
    done
    rm -f "$work/stdin" && mkfifo "$work/stdin"
    vm "${variables[@]}" "$entry" /bin/busybox sh -c "PATH=/x; busybox() { /bin/busybox \"\$@\"; }; $2" \
        <"$work/stdin" >"$work/out" 2>"$work/err" &
    JOB=$!
    exec 8>"$work/stdin"
}
finish() { # STATUS is the VM's exit code
    exec 8>&-
    STATUS=0
    wait "$JOB" || STATUS=$?
}
out() { grep -qxF -- "$1" "$work/out"; }

# --- the data disk at its first use, volumes, and sources that change --------------------------------------
start DATAFS_SIZE=40M VM_DATA_MOUNT=/lib/app/data VM_LOG_LEVEL=warn \
    VM_VOLUMES="$work/volume/sub/key:/etc/app/key:ro, $work/volume:/run/secrets/app:ro,$work/other:/lib/app/other:ro" -- '
    busybox stat -c "data: %u %g %a" /lib/app/data; echo "in it: $(busybox ls -A /lib/app/data)"
    busybox cat /run/secrets/app/link /lib/app/other/file /lib/app/other/mounted
    echo "a file as a volume: $(busybox cat /etc/app/key) $(busybox stat -c "%u %a" /etc/app/key) $(busybox ls -A /etc/app) $(busybox ls -A /dev/.volume 2>/dev/null)"
    busybox touch /etc/app/key 2>/dev/null || echo "which is read-only: yes"
    busybox stat -c "key: %u %g %a" /run/secrets/app/sub/key
    busybox touch /run/secrets/app/x 2>/dev/null || echo "read-only: yes"
    echo "cache: $(busybox cat /sys/block/vdb/queue/write_cache)" # so fsync is a flush, which the VMM carries out
    busybox chown 7:8 /lib/app/data && busybox chmod 700 /lib/app/data && echo first >/lib/app/data/f
    echo ready; read -r step
    for f in changed shrunk gone; do busybox cat /$f >/dev/null || echo "$f: error"; done
    busybox cat /kept | busybox tr -d k | busybox wc -c
    echo removed; read -r step
    busybox cat /run/secrets/app/sub/late; echo "late: $?"
    exit 9'
check "a guest with data disk and volumes is up" wait_until 100 out ready
for line in "data: 1000 1001 2750" "in it: " "secret" "of-the-other" "key: 1234 1235 400" "read-only: yes" "a file as a volume: secret 1234 400 key " "which is read-only: yes" "cache: write back"; do
    check "in the guest: $line" out "$line"
done
echo "another text" >>"$VM_TREE/changed"
truncate -s 100 "$VM_TREE/shrunk"
rm "$VM_TREE/gone"
echo go >&8
check "changed files have been read" wait_until 60 out removed
for name in changed shrunk gone; do
    check "$name: an error in the guest" out "$name: error"
    check "$name: named in the log, once" test "$(grep -c "/$name: .*in the guest gives an I/O error" "$work/err")" = 1
done
check "the others can be read" out 0
# the server of one volume ends
for pid in $(pgrep -P "$(pgrep -x -P $JOB entry || echo $JOB)" -x entry); do
    ! readlink /proc/"$pid"/fd/* | grep -qx /dev/fuse || server=$pid
done
kill -KILL "$server"
server_end() { grep -q "disk's server has ended" "$work/err"; }
check "a server's death is noticed" wait_until 20 server_end
echo go >&8
finish
is "and does not end the VM" "$STATUS" 9

# --- it grows, keeps what it holds, and what the application did to it -------------------------------------
capture vm ROOTFS_SIZE=64M DATAFS_SIZE=64M VM_DATA_MOUNT=/lib/app/data VM_LOG_LEVEL=warn VM_NETWORK=none "$entry" /bin/busybox sh -c '
    /bin/busybox stat -c "sparse: %a %u %g %Y" /lastlog; /bin/busybox chmod 600 /lastlog
    echo more >>/lastlog && echo more >>/lib/other/link && /bin/busybox stat -c "%a %s %h" /lastlog /faillog
    /bin/busybox dd if=/lastlog bs=1 skip=500000000 count=6 2>/dev/null; echo "/$(/bin/busybox tail -c 6 /lastlog | /bin/busybox tr "\\0" .)"
    [ "$(/bin/busybox stat -c %b /lastlog)" -lt 64 ] && [ "$(/bin/busybox stat -c %b /faillog)" -lt 64 ] && echo "holes are holes"
    /bin/busybox stat -c "data: %u %g %a" /lib/app/data; /bin/busybox cat /lib/app/data/f
    /bin/busybox df -k /lib/app/data | /bin/busybox awk "NR == 2 { print (\$2 > 50000) ? \"grown\" : \$2 }"'
is "the data disk has grown and kept everything" "$STATUS/$STDOUT" "0/sparse: 4640 3 4 1000000000"$'\n'"600 1073741829 1"$'\n'"644 1073741829 2"$'\n'island/.more$'\n'"holes are holes"$'\n'"data: 7 8 700"$'\n'first$'\n'grown
is "its file has the new size" "$(stat -c %s /jail/data/data.ext4)" $((64 << 20))
check "it is clean" e2fsck -fn /jail/data/data.ext4

# --- the volume of the data disk is full ---------------------------------------------------------------------
capture vm DATAFS_SIZE=300M VM_DATA_MOUNT=/data VM_LOG_LEVEL=warn VM_NETWORK=none "$entry" /bin/busybox sh -c '
    /bin/busybox dd if=/dev/zero of=/data/big bs=256k count=600 oflag=direct || echo "dd: error"; exit 4' 
like "a full volume is an error in the guest" "$STATUS/$STDOUT" "4/*dd: error*"
like "and the log says so" "$STDERR" "*cannot write to the guest's disks: no space is left in VM_DATA_DIR or VM_SCRATCH_DIR*"
is "its exact size is kept" "$(stat -c %s /jail/data/data.ext4)" $((300 << 20))
mount -o remount,size=400M /jail/data
again() {
    capture vm DATAFS_SIZE=40M VM_DATA_MOUNT=/data VM_LOG_LEVEL=warn VM_NETWORK=none "$entry" /bin/busybox sh -c '
        cd /data && /bin/busybox cat f && /bin/busybox rm -f big && /bin/busybox dd if=/dev/zero of=big bs=1M count=100 conv=fsync &&
        /bin/busybox dd if=/dev/zero of=big bs=1M count=500 conv=fsync || echo "dd: error"'
}
again
# What of the filesystem was lost is chance: most often e2fsck repairs it by itself, else a person has to.
if [ "$STATUS" = 125 ]; then
    note "$STDERR"
    like "a repair that needs a decision is left to a person" "$STDERR" "*data.ext4 has errors that e2fsck does not repair by itself: *"
    e2fsck -fy /jail/data/data.ext4 >/dev/null || true
    again
fi
like "with space again it works; its own end is 'no space'" "$STATUS/$STDOUT/$STDERR" "0/first*dd: error/*No space left on device*"
like "it is never shrunk, and that is said" "$STDERR" "*data.ext4 stays at 300 MiB: it is never shrunk*"
rm -f /jail/data/data.ext4

# --- killed while it writes with fsync -----------------------------------------------------------------------
start DATAFS_SIZE=64M VM_DATA_MOUNT=/data VM_NETWORK=none -- '
    i=0
    while [ $i -lt 100000 ]; do
        i=$((i + 1))
        echo $i | busybox dd of=/data/list oflag=append conv=notrunc,fsync 2>/dev/null && echo $i
        busybox cp /data/list /data/copy$((i % 7))
    done'
check "records are being written" wait_until 100 out 40
kill -KILL "$(pgrep -x firecracker)"
finish
acknowledged=$(tail -n 1 "$work/out")
is "the VM's death is entry's failure" "$STATUS" 125
note "acknowledged records: $acknowledged"
capture vm DATAFS_SIZE=64M VM_DATA_MOUNT=/data VM_LOG_LEVEL=warn VM_NETWORK=none "$entry" /bin/busybox cat /data/list
is "the next VM starts without a word of repair" "$STATUS/$STDERR" "0/"
check "everything acknowledged is there, in order" \
    test "$(head -n "$acknowledged" <<<"$STDOUT")" = "$(seq "$acknowledged")"
check "the data disk is clean" e2fsck -fn /jail/data/data.ext4
umount /jail/data
rmdir /jail/data /jail

# --- as many disks as there can be, and the longest command line for the kernel ------------------------------
volumes=()
for i in 1 2 3 4 5 6 7 8; do mkdir "$work/v$i" && echo "of volume $i" >"$work/v$i/f" && volumes+=("$work/v$i:/v$i:ro"); done
list=$(IFS=,; echo "${volumes[*]}")
args=$(vm "$entry" --dry-run /bin/busybox | jq -r .boot_args)
longest=1426
filler() { printf 'fill=%*s' $(($1 - ${#args} - 6)) '' | tr ' ' f; } # which makes it that long
capture vm VM_VOLUMES="$list" EXTRA_KERNEL_BOOT_ARGS="$(filler $((longest + 1)))" "$entry" /bin/busybox
is "a command line that is too long is refused" "$STATUS/$STDERR" \
    "125/ctr-jailer: EXTRA_KERNEL_BOOT_ARGS: the kernel's command line has $((longest + 1)) characters; the limit is $longest"
capture vm VM_VOLUMES="$list" EXTRA_KERNEL_BOOT_ARGS="$(filler $longest)" "$entry" /bin/busybox sh -c '
    for i in 1 2 3 4 5 6 7 8; do /bin/busybox cat /v$i/f; done; /bin/busybox ls /sys/block | /bin/busybox grep -c "^vd"
    told=$(/bin/busybox grep -o " virtio_mmio.device=4K@0x[0-9a-f]*:[0-9]*" /proc/cmdline | /bin/busybox wc -l)
    [ $told = $(/bin/busybox ls /sys/bus/virtio/devices | /bin/busybox wc -l) ] && exit 8'
is "eight volumes; the longest command line, in which no device is missing" "$STATUS/$STDOUT/$STDERR" \
    "8/$(printf 'of volume %d\n' 1 2 3 4 5 6 7 8)"$'\n'"11/"

# --- links where folders are expected, volumes in volumes, whatever their order ------------------------------
mkdir -p /jail/data "$work/app/certs"
mount -t tmpfs data /jail/data
echo of-the-app >"$work/app/file"
ln -s var/devices "$VM_TREE/dev"
ln -s ../not/yet "$VM_TREE/lib/link"
capture vm DATAFS_SIZE=40M VM_DATA_MOUNT=/lib/link/data VM_NETWORK=none \
    VM_VOLUMES="$work/volume/sub:/etc/app/certs:ro,$work/app:/etc/app:ro,$work/other:/lib/link/volume:ro" "$entry" /bin/busybox sh -c '
    /bin/busybox cat /etc/app/certs/key /etc/app/file /not/yet/volume/file
    /bin/busybox readlink /dev; [ -c /dev/null ] && [ -e /dev/pts/ptmx ] && echo "devices"
    /bin/busybox grep -o "/[^ ]* ext4" /proc/mounts | /bin/busybox grep yet; /bin/busybox cat /etc/hostname'
is "links lead to what is made; no volume hides another one, nor the files of /etc" "$STATUS/$STDOUT/$STDERR" \
    "0/$(printf '%s\n' secret of-the-app of-the-other var/devices devices '/not/yet/data ext4' "$(hostname)")/"
umount /jail/data
rmdir /jail/data /jail
mv "$VM_TREE/proc" "$VM_TREE/elsewhere" && ln -s elsewhere "$VM_TREE/proc"
capture vm VM_NETWORK=none "$entry" /bin/busybox true
like "/proc itself is none" "$STATUS/$STDERR" "125/ctr-jailer: */proc of the image is not a directory: proc cannot be mounted there*"
rm "$VM_TREE/proc" "$VM_TREE/dev" "$VM_TREE/lib/link" && mkdir "$VM_TREE/proc"

# --- a sealed image, and a host without FUSE -----------------------------------------------------------------
rm -r "$VM_TREE/proc" "$VM_TREE/lastlog" "$VM_TREE/faillog" "$VM_TREE/lib/other"
"$BIN/rootdisk" write "$VM_TREE" "$work/sealed"
sum=$(sha256sum <"$work/sealed")
VM_TREE=$work/sealed
capture vm VM_NETWORK=none "$entry" /bin/busybox sh -c '/bin/busybox wc -c </kept; echo x >/kept && exit 6'
is "a sealed image is the root" "$STATUS/$STDOUT/$STDERR" "6/9000/"
is "and stays as it is" "$(sha256sum <"$work/sealed")" "$sum"
head -c 8192 "$work/sealed" >"$work/short"
VM_TREE=$work/short
capture vm "$entry" /bin/busybox
like "half an image is refused" "$STATUS/$STDERR" "125/ctr-jailer: VM_ROOTFS_DIR=*: is neither a directory nor an EROFS image*"
VM_TREE=$work/tree
rm /dev/fuse
eight=$(for n in {1..8}; do echo -n "$work/other:/o$n:ro,"; done)
capture vm VM_NETWORK=none VM_LOG_LEVEL=warn VM_VOLUMES="${eight%,}" "$entry" /bin/busybox cat /o{1..8}/file
is "without FUSE the disks are written out; as many volumes as can be" "$STATUS/$STDOUT" "0/$(printf 'of-the-other\n%.0s' {1..8})"
is "and each says so, in a line" "$(grep -c 'disk is written out instead of served: ' <<<"$STDERR")/$(wc -l <<<"$STDERR")" "9/9"
mknod -m 666 /dev/fuse c 10 229

umount "$work/other/mounted"
after=$(host_state)
is "nothing is left on the host" "$(diff <(echo "$before") <(echo "$after"))" ""
rm -rf "$work"
done_testing
