#!/bin/bash
# What `docker run` gives a container by --ulimit, --sysctl and --shm-size, in its guest, and VM_SYSCTLS.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
export VM_TREE
work=$(mktemp -d /tmp/e2e.XXXXXX)

# in namespaces of its own, as a container's: this machine's are not ours to tune
cat >"$work/container" <<'CONTAINER'
set -eu
mount -t tmpfs -o size=48m shm /dev/shm
echo 8192 >/proc/sys/net/core/somaxconn
echo '10000 20000' >/proc/sys/net/ipv4/ip_local_port_range
echo 77 >/proc/sys/kernel/msgmni
ulimit -n 5000 -l 4096 -q 100000 -i 3333
ulimit -Sn 3000
exec "$@"
CONTAINER
cat >"$work/guest" <<'GUEST'
ulimit -Sn; ulimit -Hn; ulimit -l; ulimit -q; ulimit -i; ulimit -u; ulimit -c
cd /proc/sys
cat net/core/somaxconn net/ipv4/ip_local_port_range kernel/msgmni vm/overcommit_memory vm/swappiness net/ipv4/ip_local_reserved_ports
cat net/ipv4/ip_unprivileged_port_start
df -k --output=size /dev/shm | tail -n 1
echo ready
sleep 1000
GUEST
unshare -nim bash "$work/container" env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" VM_NETWORK=none \
    VM_SYSCTLS='vm.overcommit_memory=1, vm.swappiness=11,net.ipv4.ip_local_reserved_ports=10100,10200' \
    "$entry" /bin/bash -c "$(<"$work/guest")" >"$work/out" 2>"$work/err" &
job=$!
check "a VM in a container has started" wait_until 100 grep -q ready "$work/out"
is "ulimits, sysctls and /dev/shm are the container's, and what is not said is usual" "$(tr -s ' \t\n' ' ' <"$work/out")" \
    "3000 5000 4096 100000 3333 unlimited 0 8192 10000 20000 77 1 11 10100,10200 0 49152 ready "
pid=$job # everything before entry has become it
is "those of an exec too" "$(nsenter -t "$pid" -n -m "$ctr" exec -- bash -c 'ulimit -Sn; ulimit -Hn' | tr '\n' ' ')" "3000 5000 "
kill "$pid"
wait $job || true

capture vm VM_NETWORK=none VM_SYSCTLS=vm.nosuch=1 "$entry" /bin/true
is "a setting that there is not: one line" "$STATUS/$STDERR" \
    "125/ctr-jailer: VM_SYSCTLS=vm.nosuch=1: the guest's kernel has no such setting"
capture vm VM_NETWORK=none VM_SYSCTLS=vm.overcommit_memory=7 "$entry" /bin/true
is "a value that it does not take: one line" "$STATUS/$STDERR" \
    "125/ctr-jailer: VM_SYSCTLS=vm.overcommit_memory=7: the guest's kernel refuses it: Invalid argument"
rm -rf "$work"
done_testing
