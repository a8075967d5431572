#!/bin/bash
# Every process of a VM: who it is, what it may do, and what it has open, as one table that is the whole of it.  Entry,
# jailer and Firecracker are the real ones; the kernel is a few bytes that wait, which every KVM can run.
#: timeout 120
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
for device in /dev/kvm /dev/fuse /dev/net/tun; do [ -e $device ] || skip_all "needs $device"; done
[ -n "${INSIDE:-}" ] || INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
work=$(mktemp -d /tmp/processes.XXXXXX)
mount -t tmpfs processes "$work"
mkdir -p "$work"/{jails,scratch,bin,volume} "$work/data"
mount -t tmpfs data "$work/data"
echo nameserver 127.0.0.53 >"$work/resolv.conf" # a resolver that only a relay can reach
mount --bind "$work/resolv.conf" /etc/resolv.conf
ip link set lo up
ip tuntap add up0 mode tap # there without a module more
ip addr add 192.0.2.1/24 dev up0
ip link set up0 addrgenmode none up
ip route add default via 192.0.2.2

# The programs that it starts tell what they got, and are then themselves.
mkdir -m 1777 "$work/told"
for name in mke2fs e2fsck resize2fs {iptables,ip6tables}{,-nft,-legacy}-restore jailer; do
    real=$(command -v "$name" || echo "$PWD/build/firecracker/$name")
    cat >"$work/bin/$name" <<END
#!/usr/bin/python3 -IS
import os, sys
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
fds = {}
for fd in range(64):
    try:
        fds[fd] = os.readlink(f"/proc/self/fd/{fd}").split(":")[0].split(" ")[0].replace("$work/", "")
    except OSError:
        pass
own = [fd for fd in fds if fds[fd].startswith("bin/") or fds[fd] == "/proc/self/fd"]
who = "root" if status["Uid"].split()[0] == "0" else "vmm"
text = f"$name: {who}, capabilities {'none' if int(status['CapEff'], 16) == 0 else 'some'}, no_new_privs {status['NoNewPrivs']}, seccomp {status['Seccomp']}:"
text += "".join(f" {fd} {fds[fd]}" for fd in fds if fd not in own) + "\n"
with open(f"$work/told/{os.getpid()}", "w") as f:
    f.write(text)
os.execv("$real", sys.argv)
END
    chmod 755 "$work/bin/$name"
done

start() { # VARIABLE...
    # a descriptor that whoever starts it forgot to close
    exec 7</etc/passwd
    env -i PATH="$work/bin:$PATH" VM_ID=processes VM_ROOTFS_DIR="$PWD/build/rootfs-static" VM_KERNEL_IMAGE="$PWD/build/faults/waiting" \
        VM_INITRD_IMAGE="$PWD/build/initramfs.cpio" VM_FIRECRACKER_BIN="$PWD/build/firecracker/firecracker" VM_JAILER_BIN="$work/bin/jailer" \
        VM_JAIL_BASE="$work/jails" VM_SCRATCH_DIR="$work/scratch" VM_DATA_DIR="$work/data" VM_VOLUMES="$work/volume:/v:ro" \
        ROOTFS_SIZE=64M DATAFS_SIZE=64M MEM_SIZE_MIB=64 VCPU_COUNT=1 VM_LOG_LEVEL=error "$@" "$PWD/build/faults/entry" /guest-static \
        </dev/null >"$work/out" 2>&1 &
    entry=$!
    exec 7<&-
}
# it has its last filter: it supervises
supervises() { grep -qx $'Seccomp:\t2' "/proc/$entry/status"; }
ends() {
    kill "$entry"
    STATUS=0
    wait "$entry" || STATUS=$?
}

start
check "a VM runs" wait_until 30 supervises
[ ! -s "$work/out" ] || note "$(<"$work/out")"
python3 tests/lib/processes.py "$entry" "$work" >"$work/table"
# entry keeps what its locks and claims hang on, should the keeper be killed: the disks, which are the guest's anyway, the
# jail's folder, names and ports.  The nameless sockets are to Firecracker and to the keeper.
is "its processes" "$(sed "s,$PWD,," "$work/table")" "$(cat <<'END'
disk server 0: own, capabilities 4 4 0, no_new_privs 1, seccomp 2
    anon_inode:[signalfd]
    path /build/rootfs-static
    pipe to nobody
    rw /dev/fuse
    rw /dev/null (2)
    w /out
disk server 1: own, capabilities 4 4 0, no_new_privs 1, seccomp 2
    anon_inode:[signalfd]
    path /volume
    pipe to nobody
    rw /dev/fuse
    rw /dev/null (2)
    w /out
entry: own, capabilities 0 0 0, no_new_privs 1, seccomp 2
    UNIX socket /run/ctr-jailer/processes/control, listening
    UNIX socket @ctr-jailer/net/SUBNET
    UNIX socket @ctr-jailer/processes
    UNIX socket @ctr-jailer/processes~MARK
    UNIX socket @ctr-jailer/uid/N
    UNIX socket nameless (2)
    UNIX socket run/v.sock_1024, listening
    anon_inode:[signalfd] (2)
    anon_inode:[timerfd]
    pidfd of disk server 0
    pidfd of disk server 1
    pidfd of jail's first process
    pidfd of netsetup-dns
    pidfd of netsetup-watch
    pipe from firecracker
    pipe from jail's first process
    pipe to netsetup-watch
    r /dev/null
    r /jails/firecracker/processes
    r /jails/firecracker/processes/root/firecracker.log
    r /jails/firecracker/processes/root/firecracker.metrics
    r /proc/VMM/stat
    r /proc/VMM/status
    r /run/ctr-jailer/processes
    rw /data/data.ext4
    rw /run/ctr-jailer/processes/lock
    rw /scratch/FILE
    w /out (4)
entry-keeper: root, capabilities all all all, no_new_privs 1, seccomp 0
    UNIX socket @ctr-jailer/net/SUBNET
    UNIX socket @ctr-jailer/processes
    UNIX socket @ctr-jailer/processes~MARK
    UNIX socket @ctr-jailer/uid/N
    UNIX socket nameless
    pidfd of disk server 0
    pidfd of disk server 1
    pidfd of jail's first process
    pidfd of netsetup-dns
    pidfd of netsetup-watch
    pipe to netsetup-watch
    r /jails/firecracker/processes
    r /run/ctr-jailer/processes
    rw /data/data.ext4
    rw /dev/null (11)
    rw /run/ctr-jailer/processes/lock
    rw /scratch/FILE
    w /out
firecracker: vmm, capabilities 0 0 82000c3, no_new_privs 1, seccomp 2
jail's first process: own, capabilities 0 0 0, no_new_privs 1, seccomp 2
    pipe to entry
netsetup-dns: own, capabilities 0 0 0, no_new_privs 1, seccomp 2
    rw /dev/null (3)
    tcp port of the kernel
    udp port of the kernel
netsetup-watch: root, capabilities 3000 3000 3000, no_new_privs 1, seccomp 2
    pipe from entry and entry-keeper
    rw /dev/null (2)
    socket
    w /out
END
)"
pids=() uids=(1000)
for p in /proc/[0-9]*; do
    { read -r name <"$p/comm"; } 2>/dev/null || continue
    [[ $name = @(entry*|firecracker|netsetup*) ]] || continue
    pids+=("${p##*/}")
    [ "$(stat -c %u "$p")" = 0 ] || uids+=("$(stat -c %u "$p")")
done
check "they have users of their own" [ "$(printf '%s\n' "${uids[@]}" | sort -u | wc -l)" -ge 3 ]
is "none of these users, nor another one, reaches into the processes of another" \
    "$(for uid in "${uids[@]}"; do tests/lib/peek.py "$uid" "${pids[@]}"; done)" ""
ends
is "its end is as ever" "$STATUS $(<"$work/out")" "143 "
is "the programs that it started" "$(sort -u "$work/told/"* | sed -E 's,scratch/#[0-9]+,scratch/FILE,; s/-(nft|legacy)-/-/')" "$(cat <<'END'
iptables-restore: root, capabilities some, no_new_privs 0, seccomp 0: 0 socket 1 /memfd 2 /memfd
jailer: root, capabilities some, no_new_privs 1, seccomp 0: 0 /dev/null 1 pipe 2 pipe
mke2fs: vmm, capabilities none, no_new_privs 1, seccomp 2: 0 /dev/null 1 pipe 2 pipe 3 data/data.ext4.new
mke2fs: vmm, capabilities none, no_new_privs 1, seccomp 2: 0 /dev/null 1 pipe 2 pipe 3 scratch/FILE
END
)"
# --- again, with the data disk that there is now; and nothing that they do is refused -----------------------------------
rm "$work/told/"*
start VM_LOG_LEVEL=debug VM_PORTS=8080:80
check "a second VM runs" wait_until 30 supervises
capture build/bin/ctr-jailer --id processes status --metrics
like "its figures" "$STATUS $STDOUT" "0 *ctr_jailer_vmm_resident_memory_bytes{*ctr_jailer_vmm_cpu_seconds_total{*"
capture build/bin/ctr-jailer --id processes logs
is "its console" "$STATUS $STDERR" "0 "
is "a stranger's descriptor is in none of them" "$(find /proc/[0-9]*/fd -lname /etc/passwd)" ""
ends
is "no system call was refused" "$(grep "which is refused" "$work/out" || true)" ""
is "e2fsck looked at the disk" "$(grep ^e2fsck "$work/told/"* -h)" \
    "e2fsck: vmm, capabilities none, no_new_privs 1, seccomp 2: 0 /dev/null 1 pipe 2 pipe 3 data/data.ext4"
umount "$work/data" /etc/resolv.conf
umount "$work"
rmdir "$work"
done_testing
