#!/bin/bash
# A thousand clients that are killed, as dockerd does with a health check that takes too long, with the real init, entry
# and ctr-jailer: their commands end, and nothing of them stays on either side.  tests/e2e/hangup.t has fewer, and a VM.
#: timeout 300
set -euo pipefail
. tests/lib/tap.sh
dir=$PWD/build/streams ctr=$PWD/build/bin/ctr-jailer id=hangup-$$ at_once=50 rounds=20
work=$(mktemp -d)
cleanup() {
    kill "$vm" ${small:+"$small"} 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
# The sanitizers keep what was freed, and fill it, unless told not to.
ASAN_OPTIONS=quarantine_size_mb=0:thread_local_quarantine_size_kb=0 "$dir/native" "$id" sleep 100000 >"$work/out" 2>"$work/err" &
vm=$!
running() { [ "$("$ctr" --id "$id" status --json 2>/dev/null | jq -r .state)" = running ]; }
check 'init serves, and entry supervises' wait_until 30 running
entry=$(pgrep -P "$vm")
init=$(pgrep -P "$entry")

said() { [ "$(wc -l <"$work/said")" -ge "$at_once" ]; }
lost() { # they have all said a line when they are killed
    local pids=()
    : >"$work/said"
    for ((i = 0; i < at_once; i++)); do
        "$ctr" --id "$id" exec sh -c 'echo; exec sleep 3000' >>"$work/said" 2>>"$work/errors" &
        pids+=($!)
    done
    wait_until 60 said || return 1
    kill -9 "${pids[@]}"
    wait "${pids[@]}" 2>/dev/null || true
}
# what there is of them: the guest's processes; descriptors of init and entry
figures() { echo "$(pgrep -c -P "$init" -x sleep) $(find "/proc/$init/fd" -mindepth 1 | wc -l) $(find "/proc/$entry/fd" -mindepth 1 | wc -l)"; }
memory() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
settled() { [ "$(figures)" = "$before" ]; }
before=$(figures)
check "the first $at_once have started" lost # buffers that are kept
check "and ended, and the count is as before: $before" wait_until 30 settled
declare -A was=([init]=$(memory "$init") [entry]=$(memory "$entry"))
all=0
for ((round = 0; round < rounds; round++)); do
    lost && wait_until 60 settled || break
    all=$((all + at_once))
done
is "$((at_once * rounds)) more have started, and were killed" "$all $(sort "$work/errors" | uniq -c)" "$((at_once * rounds)) "
is "their processes have ended, and nobody has a descriptor more" "$(figures)" "$before"
for who in init entry; do
    grown=$(($(memory "${!who}") - ${was[$who]}))
    note "memory of $who: $grown KiB more"
    check "memory of $who has not grown" test $grown -lt 4096 # 4 KiB a client, with what the sanitizers add
done
is "a session is free" "$("$ctr" --id "$id" exec echo free)" free

# More clients at once than entry has descriptors for: who is not refused is served, and entry goes on.
few=64 clients=100
prlimit --nofile=$few:4096 "$dir/native" "$id-few" sleep 100000 >"$work/out" 2>"$work/err" &
small=$!
small_runs() { [ "$("$ctr" --id "$id-few" status --json 2>/dev/null | jq -r .state)" = running ]; }
check "an entry with $few descriptors" wait_until 30 small_runs
entry=$(pgrep -P "$small")
init=$(pgrep -P "$entry")
before=$(figures)
: >"$work/said"
: >"$work/errors"
pids=()
for ((i = 0; i < clients; i++)); do
    "$ctr" --id "$id-few" exec sh -c 'echo; exec sleep 3000' >>"$work/said" 2>>"$work/errors" &
    pids+=($!)
done
all_know() { [ "$(cat "$work/said" "$work/errors" | wc -l)" = "$clients" ]; }
check "$clients clients are served or refused" wait_until 60 all_know
served=$(wc -l <"$work/said")
check "many of them are served: $served" test "$served" -ge 10
is "the others are told why" "$(sed 's/ (.*//' "$work/errors" | sort -u)" \
    "ctr-jailer: the VM has ended, or does not serve this user, or serves too many clients"
kill -9 "${pids[@]}" 2>/dev/null || true
wait "${pids[@]}" 2>/dev/null || true
check "they end, and the count is as before: $before" wait_until 30 settled
is "the next one is served" "$("$ctr" --id "$id-few" exec echo free)" free
done_testing
