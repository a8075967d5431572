#!/bin/bash
# A guest that asks, and reads no answer, until nothing more can wait for it: clients are told so, each time, and those
# who ask entry alone still have their answers.  The guest is a few bytes that wait, and deaf.py connects in its place.
#: timeout 120
set -euo pipefail
. tests/faults/host.bash
ctr=$PWD/build/bin/ctr-jailer
mount -t tmpfs -o mode=755 run /run
ip link set lo up

env -i "${small_vm[@]}" VM_ID=deaf VM_NETWORK=none VM_STOP_TIMEOUT=1 "$PWD/build/faults/entry" /guest-static </dev/null >"$work/said" 2>&1 &
job=$!
state() { jq -r "$1" /run/ctr-jailer/deaf/state.json 2>/dev/null; }
listening() { [ -S "/proc/$(state .pids.firecracker)/root/run/v.sock_1024" ]; }
check "a VM waits for its guest" wait_until 30 listening
pid=$(state .pids.entry)
mkfifo "$work/go"
python3 tests/faults/deaf.py "/proc/$(state .pids.firecracker)/root/run/v.sock_1024" <"$work/go" >"$work/guest" &
guest=$!
exec 6>"$work/go"
check "its guest starts the command" wait_until 30 grep -q started "$work/guest"
files() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
first=$(files)

# More than there may be clients at a time, of which the guest hears, and then more of which it cannot.
heard() { [ "$(files)" -ge $((first + 200)) ]; }
clients=()
for _ in {1..200}; do
    "$ctr" --id deaf exec /guest-static 2>/dev/null &
    clients+=($!)
done
check "200 clients wait for the guest" wait_until 30 heard
echo >&6
check "which takes nothing any more" wait_until 30 grep -q full "$work/guest"
kill -9 "${clients[@]}"
for client in "${clients[@]}"; do
    wait "$client" 2>/dev/null || true
done
for _ in {1..300}; do "$ctr" --id deaf exec /guest-static 2>&1 || true; done | sort | uniq -c | xargs >"$work/told"
is "of 300 more, each is told" "$(<"$work/told")" "300 ctr-jailer: the guest does not answer"
check "entry still answers" "$ctr" --id deaf status
is "nothing is kept of them" "$(files)" "$first"
is "one line says why" "$(grep -c 'does not read its messages' "$work/said")" 1
check "and it can be stopped" "$ctr" --id deaf stop --time 1
status=0
wait $job || status=$?
is "as a VM that does not respond" "$status" 137
exec 6>&-
wait $guest || true
umount "$work"
rmdir "$work"
done_testing
