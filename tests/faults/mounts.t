#!/bin/bash
# What a container has mounted: inside of the tree it is the guest's, in both formats of the root disk, but for what is
# this machine's; files and folders are volumes; all else is named.  Real entry, jailer and Firecracker as in start.t;
# the disks that Firecracker has are read by erofs-utils and debugfs.
#: timeout 300
set -euo pipefail
. tests/faults/host.bash
mkdir -p "$work"/{tree/{etc/app,proc,sys,dev,html,cache},site/sub,app}
tree=$work/tree
cp build/rootfs-static/guest-static "$tree/"
echo 'of the image' >"$tree/etc/app/app.conf"
echo 'of the image' >"$tree/html/index"
echo 'of the host' >"$work/app.conf"
echo 'of the host' >"$work/site/index"
echo 'deeper' >"$work/site/sub/page"
chown 1234:1235 "$work/site/sub/page" && chmod 640 "$work/site/sub/page"
mount --bind "$work/app.conf" "$tree/etc/app/app.conf"
mount --bind "$work/site" "$tree/html"
mount -t tmpfs cache "$tree/cache" && echo cached >"$tree/cache/file"
mount -t proc proc "$tree/proc"
mount -t sysfs sysfs "$tree/sys"
mount --rbind /dev "$tree/dev"

start() { # [NAME=value...]: a VM whose kernel waits
    : >"$work/err"
    env -i "${small_vm[@]}" VM_ID=mounts VM_ROOTFS_DIR="$tree" VM_DATA_DIR="$work/none" VM_NETWORK=none "$@" build/faults/entry /guest-static </dev/null >"$work/err" 2>&1 &
    entry=$!
    wait_until 60 runs || fail 'a VM runs' "$(<"$work/err")"
}
# Its disks are in the jail, once the VM's kernel has been started.
runs() { firecracker=$(pgrep -x firecracker) && build/bin/ctr-jailer --id mounts status --json 2>/dev/null | grep -q '"state"'; }
stop() {
    kill "$entry"
    wait "$entry" || true
}
# disk NAME: what is on a disk, as folder $work/NAME
disk() {
    rm -rf "${work:?}/$1" "$work/image"
    cp --sparse=always "/proc/$firecracker/root/$1" "$work/image"
    mkdir "$work/$1"
    if [ "$(dd if="$work/image" bs=1 skip=1080 count=2 status=none | od -An -tx1)" = ' 53 ef' ]; then
        debugfs -R "rdump / $work/$1" "$work/image" 2>/dev/null
    else
        fsck.erofs --extract="$work/$1" "$work/image" >/dev/null
    fi
}
list() { (cd "$1" && find . -mindepth 1 ! -path ./lost+found -printf '%y %m %U:%G %p\n' | sed 's/^d 1777/d 777/' | sort && find . -type f ! -name guest-static -exec sh -c 'echo "$1: $(cat "$1")"' - {} \; | sort); } # rdump knows no sticky bit

for format in erofs ext4; do
    start VM_ROOTFS_FORMAT=$format
    disk root
    list "$work/root" >"$work/list.$format"
    is "$format: a file mounted in the tree is the guest's" "$(<"$work/root/etc/app/app.conf")" 'of the host'
    is "$format: a folder, with its owners" "$(cat "$work/root/html/index" "$work/root/html/sub/page") $(stat -c '%u:%g %a' "$work/root/html/sub/page")" \
        $'of the host\ndeeper 1234:1235 640'
    is "$format: and a tmpfs" "$(<"$work/root/cache/file")" cached
    is "$format: nothing of proc, sysfs and devices" "$(find "$work/root"/{proc,sys,dev} -mindepth 1 | head -n 3)" ''
    is "$format: nothing is said of them" "$(grep "$tree" "$work/err")" ''
    stop
done
is 'both formats have the same tree' "$(diff "$work/list.erofs" "$work/list.ext4")" ''
check 'and in the container all is mounted as before' test -e "$tree/proc/self" -a -e "$tree/sys/kernel" -a -e "$tree/dev/null"

start VM_VOLUMES="$work/app.conf:/etc/app/other.conf:ro, $work/site:/srv:ro"
disk volume0
is 'a file as a volume: a disk of one file' "$(ls "$work/volume0") $(<"$work/volume0/file")" 'file of the host'
disk volume1
is 'a folder beside it' "$(<"$work/volume1/sub/page")" deeper
stop
is 'nothing is left of it' "$(find "$work/jails" "$work/scratch" -mindepth 2; grep -c "$work/jails" /proc/self/mountinfo || true)" 0
# What is mounted elsewhere in a container is named, and the option that carries it; a socket is no volume.
mkdir "$work/elsewhere" "$work/elsewhere/folder"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/socket"
touch "$work/elsewhere/socket"
# shellcheck disable=SC2016 # for the bash inside
capture env -i "${small_vm[@]}" VM_ROOTFS_DIR="$tree" VM_NETWORK=none unshare -m --pid --fork bash -c '
    mount -t tmpfs run /run && touch /run/.containerenv && mount --bind "$1/site" "$1/elsewhere/folder" &&
        mount --bind "$1/socket" "$1/elsewhere/socket" && exec build/faults/entry --dry-run /guest-static' - "$work"
like 'a folder and a socket mounted elsewhere are named' "$STDERR" "*not in the guest: *$work/elsewhere/folder, $work/elsewhere/socket*"
is 'one of them with the volume that it can be' "$(grep -o 'elsewhere/[a-z]*:ro' <<<"$STDERR")" elsewhere/folder:ro

# A folder whose filesystem does not answer: the scan hangs in the kernel, and the start can be ended all the same.
mkdir "$work/hung"
build/bin/rootdisk serve "$work/site" "$work/hung" >"$work/serves" &
server=$!
wait_until 20 test -s "$work/serves"
serving=$(<"/proc/$server/task/$server/children") serving=${serving% }
[ -d "$work/hung" ] # which the kernel remembers: only the scan asks the server
kill -STOP "$serving"
env -i "${small_vm[@]}" VM_NETWORK=none VM_VOLUMES="$work/hung:/hung:ro" build/faults/entry /guest-static </dev/null >"$work/err" 2>&1 &
entry=$!
hangs() { cat /proc/[0-9]*/wchan | grep -q request_wait_answer; }
ended() { ! kill -0 "$entry"; }
check "the scan of a folder that does not answer hangs" wait_until 30 hangs
is "its signals are blocked: the plan is made" "$(grep -c "SigBlk:.0000000000000000" "/proc/$entry/status")" 0
kill "$entry"
check "SIGTERM ends the start" wait_until 30 ended
kill -CONT "$serving"
status=0
wait "$entry" || status=$?
is "its exit code" "$status" 143
is "nothing of the jail is left" "$(find "$work/jails" "$work/scratch" -mindepth 2)" ""
kill "$server"
wait "$server" || true
umount -R "$work"
rmdir "$work"
done_testing
