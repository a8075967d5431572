#!/bin/bash
# Root in the guest against the guest channel (guest-hostile.c), and strangers at the local control socket.
#: kvm
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)

(exec env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" VM_ID=own "$entry" /guest-static wait) >"$work/out" 2>"$work/err" &
pid=$!
check "a VM to be attacked" wait_until 100 grep -q ready "$work/out"
rss() { awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status"; }
files() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
"$ctr" exec /guest-static exit 0
first_rss=$(rss) first_files=$(files)

# A session that is under way through all of it: its bytes must arrive whole.
mkfifo "$work/in"
"$ctr" exec -i /guest-static cat /dev/stdin <"$work/in" >"$work/through" &
witness=$!
exec 6>"$work/in"
attack() { # name command...
    local name=$1 status=0
    shift
    timeout 100 "$ctr" exec /guest-hostile "$@" >"$work/attack" 2>&1 || status=$?
    is "$name: is over" "$status/$(grep -v ^connected "$work/attack")" 0/
    echo "through $name" >&6
    check "$name: the session under way goes on" wait_until 10 grep -qx "through $name" "$work/through"
    is "$name: new ones start" "$(timeout 100 "$ctr" exec /guest-static argv fine | tr -d '\0')" fine
    check "$name: entry's memory is bounded: $first_rss, now $(rss) KiB" test "$(rss)" -lt $((first_rss + 4096))
    check "$name: so are its files: $first_files, now $(files)" test "$(files)" -lt $((first_files + 80))
}
attack "thousands of connections" connect 3000
attack "every kind of hello" hello
attack "connections that half say hello" half 300
attack "random bytes" noise 5
attack "endless messages" flood 10
exec 6>&-
check "the session under way ends as it should" wait $witness

# --- the local control socket ----------------------------------------------------------------------------
for verb in status logs stop "exec /guest-static exit 0"; do
    # shellcheck disable=SC2086 # words
    capture setpriv --reuid 65534 --regid 65534 --clear-groups "$ctr" --id own $verb
    like "another user may not: $verb" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: *Permission denied (only root may connect)"
done
knock='import os, socket, sys
for i in range(400):
    s = socket.socket(socket.AF_UNIX)
    s.connect("/run/ctr-jailer/own/control")
    try:
        s.sendall(os.urandom(i * 10))
    except BrokenPipeError:
        pass
'
check "noise at it, as root" python3 -c "$knock"
check "and it still answers" "$ctr" --id own status --healthy
kill -USR1 "$pid"
status=0
wait "$pid" || status=$?
is "after all that the command's exit code is its own" "$status/$(<"$work/err")" 10/

# --- what root in the guest can only harm its own VM with ----------------------------------------------------
VM_TREE=$TREES/rootfs-static
capture vm timeout 300 "$entry" /guest-hostile early
is "an exit that is told early, and twice: the first counts" "$STATUS/$STDERR" 33/
capture vm timeout 300 "$entry" /guest-hostile oversized
like "a message longer than any: 125, one line" "$STATUS/$STDERR" "125/ctr-jailer: *malformed message*"
[[ $STDERR != *$'\n'* ]] || fail "in one line" "$STDERR"
(exec env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" VM_STOP_TIMEOUT=2 "$entry" /guest-hostile endless) >"$work/out" 2>"$work/err" &
pid=$!
check "a message that never ends" wait_until 100 grep -q announced "$work/out"
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
# 143 when it came before init's word that the command has started, which entry then waits for
like "can still be stopped" "$status" "@(137|143)"

is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
