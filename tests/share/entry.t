#!/bin/bash
# Shares of a real entry, jailer and Firecracker: who serves them, what the guest may connect, and how they end.  The
# kernel is a few bytes that wait, which every KVM can run; the guest's init is tests/share/standin.c.
#: timeout 120
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
for device in /dev/kvm /dev/fuse; do [ -e $device ] || skip_all "needs $device"; done
[ -n "${INSIDE:-}" ] || INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
mount -t tmpfs -o mode=755 run /run
work=$(mktemp -d /tmp/shares.XXXXXX)
mount -t tmpfs shares "$work"
chmod 755 "$work"
mkdir "$work"/{jails,scratch,folder,live,m}
echo 'of the host' | tee "$work/folder/host" "$work/live/host" >"$work/single"
: >"$work/target"

start() { # VM_VOLUMES: entry in the background, once its guest could connect; sets JOB and SOCKET
    env -i PATH=/usr/sbin:/usr/bin VM_ID=shares VM_ROOTFS_DIR="$PWD/build/rootfs-static" VM_NETWORK=none \
        VM_KERNEL_IMAGE="$PWD/build/faults/waiting" VM_INITRD_IMAGE="$PWD/build/initramfs.cpio" \
        VM_FIRECRACKER_BIN="$PWD/build/firecracker/firecracker" VM_JAILER_BIN="$PWD/build/firecracker/jailer" \
        VM_JAIL_BASE="$work/jails" VM_SCRATCH_DIR="$work/scratch" ROOTFS_SIZE=64M DATAFS_SIZE=64M MEM_SIZE_MIB=64 \
        VCPU_COUNT=1 VM_LOG_LEVEL=error VM_VOLUMES="$1" "$PWD/build/faults/entry" /guest-static </dev/null >"$work/said" 2>&1 &
    JOB=$!
    wait_until 30 supervises || note "$(head -c 2000 "$work/said")"
    SOCKET=/proc/$(state .pids.firecracker)/root/run/v.sock_1024
}
state() { jq -r "$1" /run/ctr-jailer/shares/state.json 2>/dev/null; }
supervises() { grep -qx $'Seccomp:\t2' "/proc/$(state .pids.entry)/status"; }
servers() { pgrep -x share | sort -n; }
status_of() { tr -s '\t' ' ' <"/proc/$1/status" | sed -n "s/^$2: //p"; } # PID FIELD
join() { # NUMBER:KIND: MOUNTPOINT: sets RELAY
    : >"$work/ready"
    build/share/standin guest "$SOCKET" "$@" >"$work/ready" 2>"$work/relay" &
    RELAY=$!
    wait_until 10 test -s "$work/ready"
}
files() { # PID: what the process has open, but for what the guest knows
    local fd
    for fd in /proc/"$1"/fd/*; do readlink "$fd"; done | sed 's/:.*//' | grep -v "^$work/folder" | sort | uniq -c | xargs
}
leave() { # MOUNTPOINT
    umount "$1"
    wait "$RELAY" || true
}
extra() { # NUMBER: one more connection; how it ends
    python3 - "$SOCKET" "$1" <<'PY'
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(10)
s.sendall(b"cj\x02" + bytes([4]) + struct.pack("<I", int(sys.argv[2])))
try:
    print("closed" if s.recv(1) == b"" else "answered")
except ConnectionResetError:
    print("closed")
PY
}

start "$work/folder:/s:rw,$work/live:/l:live-ro,$work/single:/one:rw"
mapfile -t pid < <(servers)
is "a server for each share" "${#pid[@]}" 3
uid=$(status_of "$(state .pids.firecracker)" Uid | cut -d ' ' -f 1)
is "they have a user of their own" "$(status_of "${pid[0]}" Uid)" "$((uid + 2)) $((uid + 2)) $((uid + 2)) $((uid + 2))"
is "and no groups of others" "$(status_of "${pid[0]}" Groups)" ""
join 0:rw: "$work/m"
is "a guest reads" "$(<"$work/m/host")" "of the host"
echo 'of the guest' >"$work/m/guest"
is "and writes" "$(<"$work/folder/guest") $(stat -c %u "$work/folder/guest")" "of the guest 0"
is "a server's capabilities" "$(status_of "${pid[0]}" CapPrm) $(status_of "${pid[0]}" CapInh) $(status_of "${pid[0]}" CapAmb)" \
    "00000000000000c3 0000000000000000 0000000000000000"
is "its files: the connections, a pipe, stderr" "$(files "${pid[0]}")" "3 /dev/null 1 $work/said 2 pipe 4 socket"
is "a fifth connection is refused" "$(extra 0)" closed
is "so is one for a share that there is not" "$(extra 3) $(extra 4294967295)" "closed closed"
is "the share goes on" "$(<"$work/m/host")" "of the host"
leave "$work/m"
gone() { ! kill -0 "${pid[0]}" 2>/dev/null; }
check "its server ends with the guest's mount" wait_until 10 gone
join 1:ro: "$work/m"
is "a live-ro share is read" "$(<"$work/m/host")" "of the host"
capture touch "$work/m/x"
is "and not written" "$STATUS $(ls "$work/live")" "1 host"
is "its server can read alone" "$(($(printf '%d' "0x$(status_of "${pid[1]}" CapPrm)") & ~6))" 0
leave "$work/m"
join 2:rw-file: "$work/target"
echo 'of the guest' >"$work/target"
is "a single file" "$(<"$work/single")" "of the guest"
kill -9 "${pid[2]}"
wait "$RELAY" || true
capture cat "$work/target"
like "with its server killed, an error" "$STATUS $STDERR" "1 *not connected*"
umount "$work/target"
lines() { grep -c 'the guest can no longer use that share' "$work/said"; }
check "which one line names" wait_until 10 grep -qx "ctr-jailer: the server of the share $work/single has ended: the guest can no longer use that share" "$work/said"
kill "$(state .pids.entry)"
wait "$JOB" || true
none() { [ -z "$(servers)" ]; }
check "no server is left" wait_until 10 none

# --- the VM ends in other ways ----------------------------------------------------------------------------
start "$work/folder:/s:rw"
kill -9 "$JOB"
wait "$JOB" 2>/dev/null || true
check "entry killed before the guest came: no server is left" wait_until 10 none
ended() { [ ! -e /run/ctr-jailer/shares ]; }
check "nor a run folder" wait_until 10 ended
start "$work/folder:/s:rw"
join 0:rw: "$work/m"
kill -9 "$(state .pids.firecracker)"
wait "$JOB" || true
wait "$RELAY" || true
check "Firecracker killed: no server is left" wait_until 10 none
umount "$work/m"
check "nor a run folder" wait_until 10 ended
is "nor a jail" "$(ls "$work/jails")" ""
done_testing
