#!/bin/bash
# Signals: every one that can be caught reaches the command, at any time; and the stop of a VM, from the first
# moment of its set-up on.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)

# start NAME=value... command...: entry in the background, as process $pid
start() {
    : >"$work/out"
    (exec env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" "$@") >"$work/out" 2>"$work/err" &
    pid=$!
}
# ended: $status of it, and in $took the milliseconds since `stopped` was set
ended() {
    status=0
    wait "$pid" || status=$?
    took=$(($(date +%s%3N) - stopped))
}
send() {
    stopped=$(date +%s%3N)
    kill -"$1" "$pid"
}

# --- all of them -----------------------------------------------------------------------------------------
# 9 and 19 cannot be caught; 32 and 33 are the C library's own (signal(7)); 15 is last, as it ends this.
start VM_STOP_TIMEOUT=60 VM_LOG_LEVEL=info "$entry" /guest-static signals
check "a command that shows its signals has started" wait_until 100 grep -q ready "$work/out"
missing=
for n in {1..8} {10..14} {16..18} {20..31} {34..64}; do
    kill -"$n" "$pid"
    wait_until 10 grep -qx "signal $n" "$work/out" || missing+=" $n"
done
is "all of them reach the command: 1 to 64 but 9 15 19 32 33" "$missing" ""
kill -STOP "$pid"
kill -CONT "$pid"
continued() { [ "$(grep -cx 'signal 18' "$work/out")" = 2 ]; }
check "after SIGSTOP, entry goes on with SIGCONT" wait_until 10 continued
is "each came once" "$(sort "$work/out" | uniq -d)" "signal 18"
send TERM
ended
is "and SIGTERM as well" "$status/$(tail -n 1 "$work/out")" "0/signal 15"
is "how long the stop may take is logged" "$(grep -x 'ctr-jailer: stopping: .*' "$work/err")" \
    "ctr-jailer: stopping: the command is killed after 60 seconds"

# --- a stop that does not take docker's 10 seconds, with what was written safe on the data disk -------------------------
mkdir -p /jail/data
mount -t tmpfs data /jail/data
VM_TREE=$TREES/rootfs-debian
start VM_LOG_LEVEL=info DATAFS_SIZE=64M "$entry" /bin/bash -c 'trap "" TERM; mkdir /d && mount /dev/vdb /d && seq 100000 >/d/kept; echo ready; sleep 1000'
check "a command that ignores SIGTERM has started" wait_until 100 grep -q ready "$work/out"
send TERM
ended
is "it is killed: 137" "$status" 137
note "SIGTERM to the end: $took ms"
check "before docker would kill entry" grep -qx 'ctr-jailer: stopping: the command is killed after 7 seconds' "$work/err"
is "the data disk has what it wrote" "$(debugfs -R 'cat kept' /jail/data/data.ext4 2>/dev/null | sha256sum)" "$(seq 100000 | sha256sum)"
check "and is clean" e2fsck -fn /jail/data/data.ext4

# --- before there is a command -----------------------------------------------------------------------------
# at_once NAME signal: ended with 128 + signal, and nothing said: by the signal, not by a deadline
at_once() {
    send "$2"
    ended
    is "$1: SIG$2 ends it with 128 + the signal, silently" "$status/$(<"$work/err")" "$((128 + $(kill -l "$2")))/"
    note "took $took ms"
}
# a guest that boots for ever: its kernel waits for a root device
start_booting() { start VM_ID=boots EXTRA_KERNEL_BOOT_ARGS="rdinit=/none root=/dev/none rootwait" "$entry" /bin/true; }
start_booting
check "a VMM has started" wait_until 50 pgrep -x firecracker
at_once "while the VMM starts" TERM
booting() { [ "$("$ctr" --id boots status --json | jq -r .state)" = booting ]; }
start_booting
check "a guest boots" wait_until 50 booting
at_once "while the guest boots" INT
start_booting
check "another one boots" wait_until 50 booting
check "while it boots: ctr-jailer stop" "$ctr" --id boots stop
stopped=0
ended
is "and its exit code" "$status/$(<"$work/err")" 143/

# a check that takes long: of 8 TiB with every group in use, after a power cut
rm /jail/data/data.ext4
truncate -s 8T /jail/data/data.ext4
mke2fs -q -F -t ext4 -O ^has_journal,^uninit_bg,^metadata_csum,^resize_inode -E lazy_itable_init=1,nodiscard -N 100000 /jail/data/data.ext4 || true
debugfs -w -R 'set_super_value state 0' /jail/data/data.ext4 2>/dev/null
start "$entry" /bin/true
check "a disk check has begun" wait_until 50 pgrep -x e2fsck
at_once "while the data disk is checked" QUIT
check "while the data disk is checked: e2fsck has ended too" test -z "$(pgrep -x e2fsck)"
umount /jail/data
rmdir /jail/data /jail

mkdir "$work/tree"
(cd "$work/tree" && mkdir -p bin {1..200} && mkdir -p {1..200}/{1..100} && cp "$(type -P true)" bin/true)
VM_TREE=$work/tree
start VM_ID=scanned "$entry" /bin/true
check "a scan has begun" wait_until 20 test -d /srv/jailer/firecracker/scanned
at_once "while a large tree is scanned" HUP

is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
