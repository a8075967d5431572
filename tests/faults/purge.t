#!/bin/bash
# purge: what dead VMs left goes, whatever ended them, and living VMs lose nothing.  The processes of a start in the
# background are killed at every step.
#: timeout 600
set -euo pipefail
. tests/faults/host.bash
store_host
build/bin/rootdisk write "$work/tree" "$work/image"
cd "$work"
uplink
export PATH=$work/bin:$PATH VM_INITRD_IMAGE=$top/build/initramfs.cpio VM_NETWORK=nat VM_LOG_LEVEL=error \
    VM_FIRECRACKER_BIN=$top/build/firecracker/firecracker VM_JAILER_BIN=$top/build/firecracker/jailer \
    VM_JAIL_BASE=$work/jails VM_SCRATCH_DIR=$work/scratch ROOTFS_SIZE=64M DATAFS_SIZE=64M MEM_SIZE_MIB=64 VCPU_COUNT=1
ctr() { ctr-jailer "$@"; }
ctr image add image app >/dev/null
ctr kernel add "$top/build/faults/waiting" waiting >/dev/null
vms=/var/lib/ctr-jailer/vms
leftovers() { # of all VMs, a line each
    find /run/ctr-jailer jails scratch $vms -mindepth 1 2>/dev/null | sort || true
    ip -br link | cut -d ' ' -f 1
    nft list tables 2>/dev/null || true
}
capture ctr purge
is "nothing to do" "$STATUS/$STDOUT/$STDERR" "0//"
bare=$(leftovers)
ctr run -d --name stays --kernel waiting app /guest-static >/dev/null
living=$(leftovers)
processes() { pgrep -c -x 'entry.*|ctr-jailer|firecracker|jailer'; }
few=$(processes)
answers() { ctr --id stays status >/dev/null; }

# --- everything of a VM is killed
ctr run -d --name dies --kernel waiting app /guest-static >/dev/null
entry=$(jq .pids.entry /run/ctr-jailer/dies/state.json) keeper=$(<$vms/dies/pid)
mapfile -t family < <(pgrep -g "$keeper"; pgrep -s "$keeper"; jq .pids.firecracker /run/ctr-jailer/dies/state.json)
[ "${#family[@]}" -gt 4 ] || note "too few processes: ${family[*]}"
kill -9 "${family[@]}" "$keeper" "$entry" 2>/dev/null || true
gone() { local p; for p in "${family[@]}" "$keeper" "$entry"; do ! kill -0 "$p" 2>/dev/null || return 1; done; [ "$(processes)" = "$few" ]; }
check "all of it ends" wait_until 10 gone
check "and has left something" [ "$(leftovers)" != "$living" ]
is "purge names it" "$(ctr purge)" dies
is "and removes all of it" "$(leftovers)" "$living"
check "the other one answers" answers

# --- a reboot: no lock is held, and pids are other processes'
mkdir -p /run/ctr-jailer/old $vms/old "$work/jails/firecracker/old"
touch /run/ctr-jailer/old/lock
echo "{\"id\":\"old\",\"pids\":{\"entry\":$$,\"firecracker\":$$}}" >/run/ctr-jailer/old/state.json
echo '{}' >$vms/old/vm.json
echo $$ >$vms/old/pid
is "a VM of an earlier boot" "$(ctr purge)" old
is "leaves nothing" "$(leftovers)" "$living"

# --- its keeper and its logger are killed, and it runs
ctr run -d --name orphan --kernel waiting app /guest-static >/dev/null
keeper=$(<$vms/orphan/pid)
mapfile -t loggers < <(for p in $(pgrep -P "$keeper"); do [ "$(readlink "/proc/$p/exe")" != "$top/build/bin/ctr-jailer" ] || echo "$p"; done)
kill -9 "$keeper" "${loggers[@]}"
is "a VM without its keepers is not purged" "$(ctr purge)" ""
is "it runs" "$(ctr ls -q | tr '\n' ' ')" "orphan stays "
is "nor may rm" "$(ctr rm orphan 2>&1)" "ctr-jailer: rm: orphan: the VM is running: stop it first, or use rm -f"
check "it is killed" ctr kill orphan
as_before() { [ "$(leftovers)" = "$living" ]; }
check "and then it has left nothing" wait_until 10 as_before

# --- the processes of ctr-jailer are killed at each step of a start
broken=
steps=0 killed=0
for ((n = 1; n < 200; n++)); do
    rm -f hit
    status=0
    INJECT=$n INJECT_KILL=self INJECT_NAMES=1 INJECT_LOG="$work/hit" LD_PRELOAD="$top/build/inject.so" \
        ctr-jailer run -d --name dies --kernel waiting app /guest-static >out 2>&1 </dev/null || status=$?
    [ $status = 0 ] || killed=$((killed + 1))
    steps=$n
    ended() { [ "$(processes)" = "$few" ] || ctr --id dies status >/dev/null 2>&1; }
    wait_until 10 ended || broken+=" step $n: neither dead nor alive"
    if ctr --id dies status >/dev/null 2>&1; then
        ctr kill --shutdown-timeout 0 dies >/dev/null 2>why || broken+=" step $n: $(<why)"
    fi
    ctr purge >/dev/null 2>purged || broken+=" step $n: $(<purged)"
    wait_until 10 as_before || broken+=" step $n: left $(diff <(leftovers) <(echo "$living") | tr '\n' ' ' || true)"
    [ -e hit ] || break
done
is "killed at each of $steps steps, nothing stays" "$broken" ""
note "$killed starts were killed themselves, and in the others a child"
check "they were all" test ! -e hit
is "the last start was not disturbed" "$status" 0
check "and some were killed" [ $killed -gt 10 ]
check "the other one answers still" answers

# --- a full disk
mount -t tmpfs -o mode=700,size=4k full $vms
head -c 4096 /dev/zero >$vms/.fill
capture ctr run -d --name small --kernel waiting app /guest-static
like "on a full disk it does not start" "$STATUS/$STDERR" "125/*No space left on device*"
check "and purge works" ctr purge
is "nothing is there" "$(ls $vms)" ""
umount $vms
check "rm -f ends the last one" ctr rm -f stays
is "of which nothing is left" "$(leftovers)" "$bare"
is "purge takes no names" "$(ctr purge x 2>&1)" "ctr-jailer: purge: usage: purge [--root DIR] [--cni-cache-dir DIR] [--cni-bin-dir DIR] [--cni-conf-dir DIR]"
cd /
umount "$work"
rmdir "$work"
done_testing
