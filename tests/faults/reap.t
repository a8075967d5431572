#!/bin/bash
# entry as PID 1 of a container: whatever `docker exec` left behind comes to it, and is reaped.  Entry, jailer and
# Firecracker are the real ones; the kernel is a few bytes that wait, which every KVM can run.
#: timeout 120
set -euo pipefail
. tests/faults/host.bash
mount -t tmpfs -o mode=755 run /run

env -i "${small_vm[@]}" VM_NETWORK=none VM_LOG_LEVEL=error \
    unshare --pid --fork --kill-child --mount-proc "$PWD/build/faults/entry" /guest-static </dev/null >"$work/out" 2>&1 &
unshare_pid=$!
entry() {
    PID=$(<"/proc/$unshare_pid/task/$unshare_pid/children") PID=${PID% }
    [ -n "$PID" ] && [ "$(<"/proc/$PID/comm")" = entry ]
}
# entry has given up root's rights: it supervises now
supervises() { grep -qx $'Uid:\t[1-9].*' "/proc/$PID/status"; }
check "entry is started as PID 1" wait_until 30 entry
check "it supervises its VM" wait_until 30 supervises

# Children of entry that have ended.
zombies() {
    local stat count=0
    for stat in /proc/[0-9]*/stat; do
        { read -r stat <"$stat"; } 2>/dev/null || continue
        # shellcheck disable=SC2086 # words
        set -- ${stat##*) }
        if [ "$1" = Z ] && [ "$2" = "$PID" ]; then count=$((count + 1)); fi
    done
    echo $count
}
none() { [ "$(zombies)" = 0 ]; }
is "there are none at first" "$(zombies)" 0
check "500 orphans come to it" nsenter --target "$PID" --pid --mount bash -c 'for ((i = 0; i < 500; i++)); do (: &); done'
wait_until 20 none || true
is "and none stays a zombie" "$(zombies)" 0
kill "$PID" # booting still: it ends at once
status=0
wait $unshare_pid || status=$?
is "its own end is as ever" "$status $(<"$work/out")" "143 "
umount "$work"
rmdir "$work"
done_testing
