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
done_testing
