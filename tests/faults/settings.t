#!/bin/bash
# What entry tells a guest, read by a guest that is not ours: every byte of the environment and the command, the network,
# and that none of it is in a file.  Entry, jailer and Firecracker are the real ones; the kernel is a few bytes that wait,
# which every KVM can run, and guest.py connects in its place.
#: timeout 120
set -euo pipefail
. tests/lib/tap.sh
[ "$(id -u)" = 0 ] || skip_all "needs root"
for device in /dev/kvm /dev/fuse /dev/net/tun; do [ -e $device ] || skip_all "needs $device"; done
[ -n "${SETTINGS_INSIDE:-}" ] || SETTINGS_INSIDE=1 exec unshare --mount --net --pid --uts --fork --kill-child --mount-proc "$0"
mount -t tmpfs -o mode=755 run /run
work=$(mktemp -d /tmp/settings.XXXXXX)
mount -t tmpfs settings "$work"
mkdir "$work/jails" "$work/scratch"
hostname guest-of-test
printf '192.0.2.7\tdatabase\n' >"$work/hosts"
printf 'search example.test\nnameserver 192.0.2.53\n' >"$work/resolv.conf"
mount --bind "$work/hosts" /etc/hosts
mount --bind "$work/resolv.conf" /etc/resolv.conf
ip link set lo up
ip tuntap add up0 mode tap
ip addr add 192.0.2.1/24 dev up0
ip link set up0 addrgenmode none up
ip route add default via 192.0.2.2

start() { # NAME=value... -- COMMAND...: entry in the background, once its guest could connect; sets JOB and SOCKET
    local variables=()
    while [ "$1" != -- ]; do variables+=("$1") && shift; done
    # shellcheck disable=SC2094
    env -i PATH=/usr/sbin:/usr/bin VM_ID=told VM_ROOTFS_DIR="$PWD/build/rootfs-static" VM_KERNEL_IMAGE="$PWD/build/faults/waiting" \
        VM_INITRD_IMAGE="$work/initramfs" VM_FIRECRACKER_BIN="$PWD/build/firecracker/firecracker" \
        VM_JAILER_BIN="$PWD/build/firecracker/jailer" VM_JAIL_BASE="$work/jails" VM_SCRATCH_DIR="$work/scratch" ROOTFS_SIZE=64M \
        DATAFS_SIZE=64M MEM_SIZE_MIB=64 VCPU_COUNT=1 "${variables[@]}" "$PWD/build/faults/entry" "${@:2}" \
        </dev/null >"$work/said" 2>&1 &
    JOB=$!
    wait_until 30 listening || note "$(head -c 2000 "$work/said")"
    SOCKET=/proc/$(state .pids.firecracker)/root/run/v.sock_1024
}
state() { jq -r "$1" /run/ctr-jailer/told/state.json 2>/dev/null; }
listening() { [ -S "/proc/$(state .pids.firecracker)/root/run/v.sock_1024" ]; }
guest() { capture python3 tests/faults/guest.py "$SOCKET" "$1" "$work/strings"; }
end() {
    kill "$(state .pids.entry)"
    wait "$JOB" || true
}
strings() { sed -zn "s/^$1=//p" "$work/strings" | tr '\0\n' '\n|'; } # the values of one setting, a line each

cp build/initramfs.cpio "$work/initramfs"
long=$(head -c 100000 /dev/zero | tr '\0' x)
values=("SPACES= a  b " $'NEWLINE=a\nb\n' EMPTY= $'BYTES=\xff\xfe\x80' SECRET=squeamish "LONG=$long" variable=argument=x)
start "${values[@]}" VM_USER=33:44 VM_WORKDIR=/ VM_LOG_LEVEL=debug -- /guest-static "a b" "" $'x\ny\xff'
kill -USR1 "$(state .pids.entry)"
noted() { grep -q 'passing signal 10 to the command' "$work/said"; }
check "a VM waits for its guest, and a signal does" wait_until 30 noted
guest 1
is "an init of another version gets nothing" "$STDOUT" closed
is "and entry says why" "$(grep version "$work/said")" \
    "ctr-jailer: the guest's init speaks another version of the protocol: use the VM_INITRD_IMAGE that belongs to this entry"
guest 2
is "settings first, with the time; then a signal that came before; and once only" "$STDOUT" $'settings timely\nmessage 65 0 10\nanother closed'
printf '%s\0' PATH=/usr/sbin:/usr/bin "${values[@]}" | sort -z >"$work/wanted"
sed -zn 's/^variable=//p' "$work/strings" | sort -z >"$work/got"
check "the environment, byte for byte" cmp "$work/wanted" "$work/got"
printf '%s\0' /guest-static "a b" "" $'x\ny\xff' >"$work/wanted"
sed -zn 's/^argument=//p' "$work/strings" >"$work/got"
check "the command" cmp "$work/wanted" "$work/got"
is "who runs it, and where" "$(strings user) $(strings workdir)" "33:44 /"
is "the root disk" "$(strings rootfs)" erofs
is "its address" "$(strings address)" "$(state .address)/30"
is "hosts" "$(strings hosts)" "$(state .address)"$'\tguest-of-test|192.0.2.7\tdatabase|'
is "resolv.conf" "$(strings resolv)" 'search example.test|nameserver 192.0.2.53|'
is "the name" "$(strings hostname)" guest-of-test
is "nothing else" "$(LC_ALL=C sed -z 's/=.*//' "$work/strings" | tr '\0' '\n' | grep -vE '^$|^(limit|seen_sysctl|shm)$' | sort -u | paste -sd ' ')" \
    "address argument gateway gateway_mac hostname hosts mtu resolv rootfs user variable workdir"
jail=/proc/$(state .pids.firecracker)/root
is "the initramfs is the file itself" "$(stat -c %i "$jail/initrd")" "$(stat -c %i "$work/initramfs")"
is "its mounts are its files, and nothing that is mounted on the host reaches them" \
    "$(awk '{tags = ""; for (i = 7; $i != "-"; i++) tags = tags $i; print $5 tags}' "${jail%/root}/mountinfo" | sort | tr "\n" " ")" "/ /data /initrd /kernel /root /scratch "
like "which the jail cannot write" "$(grep ' /initrd ' "${jail%/root}/mountinfo")" '* /initrd ro,*'
is "and no file of the VM has a secret" "$(nsenter -t "$(state .pids.entry)" -m grep -rlsI squeamish "$work/jails" /run/ctr-jailer --exclude='*.sock*' -D skip || true)" ""
end

# As much as Linux passes on: 2 MiB of arguments and environment, all in all, with the pointers to them.
many=()
for i in {1..15}; do many+=("MANY_$i=$long$i"); done
arguments=()
for i in {1..5}; do arguments+=("$long"); done
start "${many[@]}" VM_NETWORK=none -- /guest-static "${arguments[@]}"
guest 2
like "2 MB of settings" "$STDOUT" $'settings timely\nanother closed'
printf '%s\0' PATH=/usr/sbin:/usr/bin "${many[@]}" | sort -z >"$work/wanted"
sed -zn 's/^variable=//p' "$work/strings" | sort -z >"$work/got"
check "with every variable" cmp "$work/wanted" "$work/got"
printf '%s\0' /guest-static "${arguments[@]}" >"$work/wanted"
sed -zn 's/^argument=//p' "$work/strings" >"$work/got"
check "and every argument" cmp "$work/wanted" "$work/got"
end
umount /etc/hosts /etc/resolv.conf "$work"
rmdir "$work"
done_testing
