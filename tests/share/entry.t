#!/bin/bash
# Shares of a real entry, jailer and Firecracker: who serves them, what the guest may connect, and how they end.  The
# kernel is a few bytes that wait, which every KVM can run; the guest's init is tests/share/standin.c.
#: timeout 300
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
keepers() { pgrep -x share-keeper | sort -n; } # in the order of shares
server() { pgrep -x share -P "$1"; } # of a keeper
status_of() { tr -s '\t' ' ' <"/proc/$1/status" | sed -n "s/^$2: //p"; } # PID FIELD
settings() { # as the guest's init, which entry tells once: sets KEYS, the shares'
    mapfile -t KEYS < <(python3 - "$SOCKET" <<'PY'
import re, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"cj\x02" + bytes(5))
length = struct.unpack("<I", s.recv(5, socket.MSG_WAITALL)[:4])[0]
for key in re.findall(rb"share=(\d+):", s.recv(length, socket.MSG_WAITALL)):
    print(key.decode())
PY
    )
}
join() { # NUMBER KIND: MOUNTPOINT: sets RELAY
    : >"$work/ready"
    build/share/standin guest "$SOCKET" "${KEYS[$1]}:$2" "$3" >"$work/ready" 2>"$work/relay" &
    RELAY=$!
    wait_until 10 eval "[ -s $work/ready ] || [ -s $work/relay ]"
}
files() { # PID: what the process has open, but for what the guest knows
    local fd
    for fd in /proc/"$1"/fd/*; do readlink "$fd"; done | sed 's/:.*//' | grep -v "^$work/folder" | sort | uniq -c | xargs
}
leave() { # MOUNTPOINT
    umount "$1"
    wait "$RELAY" || true
}
guess() { # KEY...: connections with these, one after the other: how they end
    python3 - "$SOCKET" "$@" <<'PY'
import socket, struct, sys
for key in sys.argv[2:]:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(10)
    s.sendall(b"cj\x02" + bytes([4]) + struct.pack("<I", int(key)))
    try:
        print("closed" if s.recv(1) == b"" else "answered")
    except ConnectionResetError:
        print("closed")
PY
}

start "$work/folder:/s:rw,$work/live:/l:live-ro,$work/single:/one:rw"
mapfile -t keeper < <(keepers)
is "a keeper of servers for each share" "${#keeper[@]}" 3
is "and no server before there is a guest" "$(pgrep -x share || true)" ""
uid=$(status_of "$(state .pids.firecracker)" Uid | cut -d ' ' -f 1)
is "they have a user of their own" "$(status_of "${keeper[0]}" Uid)" "$((uid + 2)) $((uid + 2)) $((uid + 2)) $((uid + 2))"
is "and no groups of others" "$(status_of "${keeper[0]}" Groups)" ""
settings
is "the guest is told a key for each" "${#KEYS[@]} $(printf '%s\n' "${KEYS[@]}" | sort -u | wc -l)" "3 3"
join 0 rw: "$work/m"
is "a guest reads" "$(<"$work/m/host")" "of the host"
pid=$(server "${keeper[0]}")
echo 'of the guest' >"$work/m/guest"
is "and writes" "$(<"$work/folder/guest") $(stat -c %u "$work/folder/guest")" "of the guest 0"
is "a server's capabilities" "$(status_of "$pid" CapPrm) $(status_of "$pid" CapInh) $(status_of "$pid" CapAmb)" \
    "00000000000000c3 0000000000000000 0000000000000000"
is "its files: the connections, a pipe, stderr" "$(files "$pid")" "3 /dev/null 1 $work/said 2 pipe 4 socket"
is "its keeper's: the channel, stderr" "$(files "${keeper[0]}")" "2 /dev/null 1 $work/said 1 socket"
is "a process of the guest without the key is refused" "$(guess 0 1 4294967295 | xargs)" "closed closed closed"
is "the share goes on" "$(<"$work/m/host")" "of the host"
leave "$work/m"
gone() { ! kill -0 "$pid" 2>/dev/null; }
check "its server ends with the guest's mount" wait_until 10 gone
join 1 ro: "$work/m"
is "a live-ro share is read" "$(<"$work/m/host")" "of the host"
capture touch "$work/m/x"
is "and not written" "$STATUS $(ls "$work/live")" "1 host"
is "its server can read alone" "$(($(printf '%d' "0x$(status_of "$(server "${keeper[1]}")" CapPrm)") & ~6))" 0
leave "$work/m"
join 2 rw-file: "$work/target"
echo 'of the guest' >"$work/target"
is "a single file" "$(<"$work/single")" "of the guest"

# --- servers that die -----------------------------------------------------------------------------------------
kill -STOP "${keeper[2]}" # it starts no other yet
kill -9 "$(server "${keeper[2]}")"
capture cat "$work/target"
like "with its server killed, an error" "$STATUS $STDERR" "1 *not connected*"
kill -CONT "${keeper[2]}"
serves() { [ "$(cat "$work/target" 2>/dev/null)" = 'of the guest' ] && pid=$(server "${keeper[2]}"); }
check "then another serves" wait_until 20 serves
is "as one line says" "$(<"$work/said")" \
    "ctr-jailer: the server of the share $work/single was killed by signal 9: the guest gets another, but loses the files that it has open there"
killed=1
given_up() { ! kill -0 "${keeper[2]}" 2>/dev/null; }
kill_next() {
    ! given_up || return 0
    ! serves || { kill -9 "$pid" && killed=$((killed + 1)); }
    false
}
check "a guest whose servers die again and again is given up" wait_until 60 kill_next
is "after six of them" "$killed" 6
said() { grep -qx "ctr-jailer: the server of the share $work/single has ended: the guest can no longer use that share" "$work/said"; }
check "and a last line says so" wait_until 10 said
is "which makes seven" "$(grep -c 'the server of the share' "$work/said")" 7
capture cat "$work/target"
is "the guest has an error" "$STATUS" 1
leave "$work/target"
join 0 rw: "$work/m"
is "other shares are not concerned: the guest mounts one again" "$(<"$work/m/guest")" "of the guest"
leave "$work/m"
is "a process of the guest that guesses keys" "$(guess {1..20} | uniq -c | xargs)" "20 closed"
join 0 rw: "$work/m" 2>/dev/null || true
like "has had its last guess, and nobody connects any more" "$(<"$work/relay")" "the server of the share at $work/m does not answer*"
leave "$work/m"
kill "$(state .pids.entry)"
wait "$JOB" || true
none() { [ -z "$(keepers)$(pgrep -x share || true)" ]; }
check "no server is left" wait_until 10 none

# --- the VM ends in other ways ----------------------------------------------------------------------------
start "$work/folder:/s:rw"
kill -9 "$JOB"
wait "$JOB" 2>/dev/null || true
check "entry killed before the guest came: no server is left" wait_until 10 none
ended() { [ ! -e /run/ctr-jailer/shares ]; }
check "nor a run folder" wait_until 10 ended
start "$work/folder:/s:rw"
settings
join 0 rw: "$work/m"
kill -9 "$(state .pids.firecracker)"
wait "$JOB" || true
check "Firecracker killed: no server is left" wait_until 10 none
leave "$work/m"
check "nor a run folder" wait_until 10 ended

# --- a folder of the host that does not answer, as NFS without its server ------------------------------------------
mkdir "$work/far" "$work/nfs"
echo far >"$work/far/file"
build/share/standin build/bin/share "$work/far" "$work/nfs" >"$work/nfs.pid" 2>&1 &
nfs=$!
wait_until 10 test -s "$work/nfs.pid"
start "$work/nfs:/s:rw"
settings
afar=$(pgrep -f "share serve 3 4 $work/nfs$")
join 0 rw: "$work/m"
is "a guest reads what comes from afar" "$(<"$work/m/file")" far
kill -STOP "$nfs" # it takes no requests of its mount any more: who waits for one can only be killed
# A thread that has not stopped yet could take one more, and nobody can be killed who waits for a request that is taken.
stopped() { ! cut -d ' ' -f 3 /proc/"$nfs"/task/*/stat | grep -qv T; }
check "all threads of its file system have stopped" wait_until 10 stopped
touch "$work/m/new" 2>"$work/touched" &
touches=$!
hangs() { cat "/proc/$(server "$afar")"/task/*/wchan | grep -q request_wait_answer; }
check "then the share's server hangs" wait_until 20 hangs
kill "$(state .pids.entry)"
check "a stop does not" wait_until 20 eval "! kill -0 $JOB"
wait "$JOB" || true
served() { [ -n "$(server "$afar")" ]; }
check "and the server is gone" wait_until 10 eval '! served'
wait "$touches" || true
like "the guest had an error" "$(<"$work/touched")" "*not connected*"
kill -CONT "$nfs"
leave "$work/m"
umount "$work/nfs"
wait "$nfs" || true
is "no jail is left of all these" "$(ls "$work/jails")" ""
done_testing
