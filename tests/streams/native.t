#!/bin/bash
# The streams of commands, byte for byte, with the real init, entry and ctr-jailer, and UNIX sockets for vsock: random
# sizes, fast and slow ends, many at once, and beside them readers that never read.  ROUNDS=16; `make soak-streams` is
# the long way.
#: timeout 300
set -euo pipefail
. tests/lib/tap.sh
dir=$PWD/build/streams ctr=$PWD/build/bin/ctr-jailer id=streams-$$ rounds=${ROUNDS:-16}
work=$(mktemp -d)
cleanup() {
    exec 7<&- 8>&- || true
    kill -KILL ${flooded:+"$flooded"} 2>/dev/null || true
    kill "$vm" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
mkfifo "$work/go" "$work/full"

# The VM's command gives 20 MB once it is told to.
"$dir/native" "$id" "$dir/flow" late 5 20000000 <"$work/go" >"$work/out" 2>"$work/err" &
vm=$!
exec 8>"$work/go"
running() { [ "$("$ctr" --id "$id" status --json 2>/dev/null | jq -r .state)" = running ]; }
check 'init serves, and entry supervises' wait_until 30 running

# Four whose output nobody reads: FIFOs that are open and full.
exec 7<>"$work/full"
for _ in 0 1 2 3; do
    "$ctr" --id "$id" exec "$dir/flow" give 10 3000000 >"$work/full" 2>"$work/full" &
done
# A whole page: one byte more would still fit into the last one, where the writers wait for a free one.
full() { ! dd if=/dev/zero of="$work/full" bs=4096 count=1 oflag=nonblock 2>/dev/null; }
check 'readers that never read' wait_until 30 full
echo >&8
given() { [ "$(stat -c %s "$work/out")" = 20000000 ]; }
check "do not hold up the VM's command" wait_until 60 given
is 'whose output is whole' "$("$dir/flow" check 5 20000000 <"$work/out" 2>&1)" ''

drive() { "$dir/drive" -s "${SEED:-$RANDOM}" "$@" "$ctr" --id "$id" exec -i "$dir/flow"; }
check "$rounds commands, one after the other" drive -n "$rounds" -t 60 -m 1000000
check "$((rounds * 4)) commands, sixteen at once" drive -n $((rounds * 4)) -j 16 -t 60 -m 1000000
exec 7<&-

# Signals for process 1, faster than init takes them, as any process of the command's user may send them.  The kernel
# counts pending ones by user, so this VM may not have all of root's: others here need some for their timers.
prlimit --sigpending=1000 unshare --pid --fork --kill-child "$dir/native" "$id-flood" bash -c 'trap "" USR1 USR2 34 35; while :; do sleep 1; done' </dev/null >/dev/null 2>&1 &
flooded=$!
floods() { [ "$("$ctr" --id "$id-flood" status --json 2>/dev/null | jq -r .state)" = running ]; }
check 'another VM' wait_until 30 floods
for _ in 0 1 2; do
    # shellcheck disable=SC2016 # for perl
    "$ctr" --id "$id-flood" exec -- perl -e 'while (1) { kill $_, 1 for 10, 12, 34, 35 }' >/dev/null 2>&1 &
done
answers=0
answer() { "$ctr" --id "$id-flood" exec true && answers=$((answers + 1)) && [ $answers = 5 ]; }
answer_all() { until answer; do :; done; }
answer_all &
answering=$!
answered() { ! kill -0 $answering 2>/dev/null; }
check 'whose init has more signals than it can take still serves' wait_until 60 answered
kill -KILL $answering "$flooded" 2>/dev/null || true
done_testing
