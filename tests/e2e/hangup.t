#!/bin/bash
# Clients of the control socket that are killed, as dockerd does with an exec or a health check that takes too long:
# their commands end, and nothing of them stays on either side.
#: kvm
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)
vm "$entry" /bin/bash -c 'echo ready; sleep 100000' >"$work/out" 2>"$work/err" &
job=$!
check "a VM has started" wait_until 100 grep -q ready "$work/out"
pid=$(pgrep -P $job -x entry || echo $job)

# lost N SCRIPT: N clients at once run the script, which says a line, and are killed then
lost() {
    local i pids=()
    : >"$work/said"
    for ((i = 0; i < $1; i++)); do
        "$ctr" exec -- sh -c "$2" >>"$work/said" 2>>"$work/errors" &
        pids+=($!)
    done
    if ! wait_until 100 said "$1"; then
        fail "$1 commands have started" "$(sort "$work/errors" | uniq -c)"
        return 1
    fi
    kill -9 "${pids[@]}"
    wait "${pids[@]}" 2>/dev/null || true
}
said() { [ "$(wc -l <"$work/said")" -ge "$1" ]; }
# what there is of them: processes of the guest, its init's descriptors and memory; entry's descriptors and memory
figures() {
    # shellcheck disable=SC2016 # for the guest's shell
    "$ctr" exec -- sh -c 'set -- /proc/1/fdinfo/*; fds=$#; set -- /proc/[0-9]*/cmdline; n=0
        for c; do case $(tr "\0" " " 2>/dev/null <"$c") in *"sleep 30"[0-9][0-9]*) n=$((n + 1)) ;; esac; done
        echo "guest $n processes, init $fds" $(grep VmRSS /proc/1/status)' | tr -s ' \t' ' '
    echo "entry $(find "/proc/$pid/fd" -mindepth 1 | wc -l) $(grep VmRSS "/proc/$pid/status" | tr -s ' \t' ' ')"
}
counts() { sed 's/ VmRSS.*//' <<<"$1" | tr '\n' ' '; }
memory() { sed -n "s/^$1 .*VmRSS: \([0-9]*\) kB.*/\1/p" <<<"$2"; }
settled() {
    now=$(figures)
    [ "$(counts "$now")" = "$(counts "$before")" ]
}

lost 40 'echo; exec sleep 3000' # warm: buffers that are kept
before=$(figures | sed 's/^guest [0-9]*/guest 0/')
wait_until 30 settled || true
before=$(figures)
is "those of the first have ended" "${before%%,*}" "guest 0 processes"
for _ in 1 2 3 4 5 6 7; do lost 40 'echo; exec sleep 3000'; done
wait_until 30 settled || true
now=$(figures) # what had ended when this exec began has been freed
is "280 killed clients: processes and descriptors are as before" "$(counts "$now")" "$(counts "$before")"
for who in guest entry; do
    grown=$(($(memory $who "$now") - $(memory $who "$before")))
    note "memory of $who: $grown KiB more"
    check "memory of $who has not grown" test $grown -lt 1024
done
check "another exec works" "$ctr" exec true

# those that do not go at once
lost 3 'trap "" HUP; echo; while :; do sleep 3001; done'
check "who ignores SIGHUP is killed" wait_until 30 settled
lost 3 'trap "" HUP; (trap "" HUP; sleep 3002; echo never) & trap - HUP; echo; exec sleep 3003'
check "and what it started, when itself it has ended" wait_until 30 settled
# shellcheck disable=SC2016 # for the guest's shell
lost 1 'exec 2>/dev/null; trap "echo hung up >/tmp/told; exit" HUP; echo; while :; do sleep 0.1; done'
check "who catches SIGHUP may do something" wait_until 20 "$ctr" exec grep -q 'hung up' /tmp/told

# what ends well leaves what it wants to
"$ctr" exec -- sh -c 'sleep 3004 >/dev/null 2>&1 </dev/null & echo' >/dev/null
"$ctr" exec -- sh -c 'sleep 6; true' # longer than the grace
like "what a command leaves behind when its client ends well goes on" "$(figures)" "guest 1 processes*"
check "stop" "$ctr" stop -t 1
wait $job || true
rm -rf "$work"
done_testing
