#!/bin/bash
# The guest's wall clock follows the host's, without any program of the image: when either is set, and when the VM
# was stopped.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)
vm "$entry" /bin/bash -c 'echo ready; sleep 100000' >"$work/out" 2>"$work/err" &
job=$!
check "a VM has started" wait_until 100 grep -q ready "$work/out"

# A shell in the guest tells the time for each line that it gets: no process is started for an answer.
# shellcheck disable=SC2016 # for the guest's shell
coproc CLOCK { exec "$ctr" exec -i -- bash -c 'while read -r; do echo "${EPOCHREALTIME/./}"; done'; }
teller=$CLOCK_PID
# compare: `early` and `late` are how far the guest's clock may be behind and ahead, in us: of many answers the quickest's
compare() {
    local before guest after quickest=1000000000
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        before=${EPOCHREALTIME/./}
        echo >&"${CLOCK[1]}"
        read -rt 60 guest <&"${CLOCK[0]}"
        after=${EPOCHREALTIME/./}
        [ $((after - before)) -lt "$quickest" ] || continue
        quickest=$((after - before)) early=$((before - guest)) late=$((guest - after))
    done
}
# what is certain: it is not behind or ahead by more than 50 ms
together() {
    compare
    [ "$early" -le 50000 ] && [ "$late" -le 50000 ]
}
follows() {
    check "$1" wait_until 30 together
    note "behind by $early us, or ahead by $late us, at most"
}

follows "at the start"
"$ctr" exec date -s '1 hour ago' >/dev/null
follows "the guest's clock is set an hour back"
"$ctr" exec date -s '20 days' >/dev/null
follows "or 20 days ahead"
"$ctr" exec date -s '-1 second' >/dev/null
follows "or a second back"
pid=$(jq .pids.firecracker <<<"$("$ctr" status --json)")
kill -STOP "$pid"
read -rt 15 -u "$TAP_SILENCE" || true # longer than the guest's clocksource watchdog waits
kill -CONT "$pid"
follows "the VMM was stopped and continued"
if [ -n "${TESTHOST:-}" ]; then
    date -s '2 days' >/dev/null
    follows "the host's clock is set two days ahead"
    date -s '5 days ago' >/dev/null
    follows "and five back"
else
    skip "the host's clock is set" "this machine's clock is not ours to set"
fi
"$ctr" stop -t 1
wait $job || true
wait "$teller" 2>/dev/null || true
rm -rf "$work"
done_testing
