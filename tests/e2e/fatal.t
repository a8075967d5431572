#!/bin/bash
# How a guest's kernel ends a command: out of memory, panic, reboot.  Each is told in one line.
#: kvm
#: disk build/e2e.disk
#: timeout 1200
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)
starved="ctr-jailer: the guest's kernel killed the command: out of memory"

capture vm MEM_SIZE_MIB=96 "$entry" /guest-static eat
is "out of memory: 137, and told" "$STATUS/$STDERR" "137/$starved (raise MEM_SIZE_MIB)"
VM_TREE=$TREES/rootfs-debian
# small, as filling it takes the emulated machine long
vm MEM_SIZE_MIB=96 "$entry" /bin/sh -c 'echo ready; sleep 1000' >"$work/out" 2>"$work/err" &
job=$!
check "a VM for execs" wait_until 100 grep -q ready "$work/out"
capture "$ctr" exec -- sh -c 'x=$(head -c 1000000000 /dev/zero | tr "\0" x); echo $?'
is "exec: out of memory" "$STATUS/$STDERR" "137/$starved"
capture "$ctr" exec -- sh -c 'kill -9 $$'
is "exec: killed otherwise: nothing told" "$STATUS/$STDERR" 137/
capture "$ctr" exec -- sh -c 'head -c 1000000000 /dev/zero | tail -c 900000000 >/dev/null; exit $?'
like "exec: a shell's child was out of memory" "$STATUS/$STDERR" "137/*$starved"
check "the VM goes on" "$ctr" status --healthy

# --- panic ---------------------------------------------------------------------------------------------
"$ctr" exec -- sh -c 'echo c >/proc/sysrq-trigger' &
crash=$!
status=0
wait $job || status=$?
like "a panic: 125, one line" "$status/$(<"$work/err")" "125/ctr-jailer: the guest's kernel panicked; its console says: Kernel panic - not syncing: sysrq triggered crash"
status=0
wait $crash || status=$?
is "and 125 for an exec under way" "$status" 125
began=$SECONDS
status=0
# Output that is still in the guest when its kernel panics is lost, so the panic waits until it is here.
{ wait_until 100 grep -q last "$work/last" && echo; } |
    vm EXTRA_KERNEL_BOOT_ARGS=panic=0 "$entry" /bin/sh -c 'echo last; read -r now; echo c >/proc/sysrq-trigger; sleep 1000' >"$work/last" 2>"$work/err" || status=$?
like "a panic that does not reboot: the same" "$status/$(<"$work/last")/$(<"$work/err")" "125/last/ctr-jailer: the guest's kernel panicked; its console says: Kernel panic - not syncing: sysrq*"
is "in one line" "$(wc -l <"$work/err")" 1
note "took $((SECONDS - began)) s with its boot"
capture vm "$entry" /bin/sh -c 'echo b >/proc/sysrq-trigger; sleep 1000'
like "a reboot by the guest itself: 125, one line" "$STATUS/$STDERR" "125/ctr-jailer: the VM ended before the command did*"
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
