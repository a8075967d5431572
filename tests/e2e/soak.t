#!/bin/bash
# Ten VMs at once, and one VM again and again (CYCLES=10): nothing grows on the host.
#: kvm
#: disk build/e2e.disk
#: timeout 1800
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry cycles=${CYCLES:-10}
work=$(mktemp -d /tmp/e2e.XXXXXX)
mkdir -p /srv/jailer # it goes with the VM that made it, if that is the last one
start=(vm MEM_SIZE_MIB=128 ROOTFS_SIZE=64M DATAFS_SIZE=64M VM_BOOT_TIMEOUT=0)

capture "${start[@]}" "$entry" /guest-static exit 3
is "a VM" "$STATUS/$STDERR" "3/"
before=$(host_state)

# --- ten at once ------------------------------------------------------------------------------------------------
pids=() bad=''
for i in {0..9}; do
    "${start[@]}" "$entry" /guest-static wait >"$work/out.$i" 2>"$work/err.$i" &
    pids[i]=$!
done
ready() { cat "$work"/out.* | grep -c '^ready$' || true; }
running() { jobs -r | wc -l; }
settled() { [ "$(ready)" = 10 ] || [ "$(running)" -lt 10 ]; }
wait_until 1200 settled || true
is "ten VMs have started" "$(ready) of $(running)" "10 of 10"
[ "$(ready)" = 10 ] || note "$(tail -n 20 "$work"/err.*)"
is "each has a TAP of its own, with an address of its own" \
    "$(ip -o -4 addr show | awk '$2 ~ /^ctr/ {print $2, $4}' | sort -u | wc -l) $(ip -o -4 addr show | awk '$2 ~ /^ctr/ {print $4}' | sort -u | wc -l)" "10 10"
is "and a uid of its own" "$(ps -e -o comm=,uid= | awk '$1 == "firecracker" {print $2}' | sort -u | wc -l)" 10
for i in {0..9}; do kill -$((40 + i)) "$(pgrep -P "${pids[i]}" -x entry || echo "${pids[i]}")" || true; done
for i in {0..9}; do
    status=0
    wait "${pids[i]}" || status=$?
    [ "$status/$(<"$work/out.$i")/$(<"$work/err.$i")" = "$((40 + i))/ready/" ] || bad+="$i: $status $(<"$work/err.$i")"$'\n'
done
is "each gets its own signal, and ends with its own code" "$bad" ""
is "nothing is left of them" "$(diff <(echo "$before") <(host_state))" ""

# --- again and again --------------------------------------------------------------------------------------------
# What the kernel holds that a leak of mounts, namespaces, sockets or descriptors would make grow: how many of each
# there are, and the memory that they take, in KiB.
count() { # NAME: active objects of a slab
    awk -v name="$1" '$1 == name {n = $2} END {print n + 0}' /proc/slabinfo
}
numbers() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
    echo 1 >/sys/kernel/slab/mnt_cache/shrink # the free objects in the processors' own slabs count as active
    echo "files $(cut -f1 /proc/sys/fs/file-nr)"
    echo "mounts $(wc -l </proc/self/mountinfo)"
    echo "slab_mounts $(count mnt_cache)"
    echo "sockets $(awk '$1 == "sockets:" {print $3}' /proc/net/sockstat)"
    echo "processes $(ps -e --no-headers | grep -vc '\[')"
    awk '/^(SUnreclaim|Percpu|KernelStack|PageTables|Shmem):/ {print tolower($1) $2}' /proc/meminfo | sed 's/:/ /'
    echo "available $(awk '/^MemAvailable/ {print $2}' /proc/meminfo)"
}
bad=''
numbers >"$work/first"
for ((n = 1; n <= cycles; n++)); do
    capture "${start[@]}" VM_ID=again "$entry" /guest-static exit $((n % 100))
    [ "$STATUS/$STDERR" = "$((n % 100))/" ] || bad+="$n: $STATUS $STDERR"$'\n'
    [ $((n % 10)) != 0 ] || note "after $n: $(numbers | xargs)"
done
numbers >"$work/last"
is "$cycles starts and ends" "$bad" ""
note "before: $(xargs <"$work/first")"$'\n'"after:  $(xargs <"$work/last")"
grown() { # NAME BY: by how much it has grown, when by more than that
    local first last
    first=$(awk -v name="$1" '$1 == name {print $2}' "$work/first")
    last=$(awk -v name="$1" '$1 == name {print $2}' "$work/last")
    [ $((last - first)) -le "$2" ] || echo "$1 $first $last"
}
# A leak of one a cycle would show; the kernel's own work makes a few objects, and some memory, come and go.
few=$((cycles / 2 > 4 ? cycles / 2 : 4))
is "no growth of files, mounts, sockets and processes" \
    "$(grown mounts 0; grown slab_mounts $few; grown sockets $few; grown processes 0; grown files $((16 * few)))" ""
is "nor of the kernel's memory" "$(grown sunreclaim $((1024 + 64 * cycles)); grown percpu 512; grown shmem 256; grown kernelstack 512)" ""
is "and all is as before" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
