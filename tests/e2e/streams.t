#!/bin/bash
# The command's streams: every byte, whoever reads or writes slowly, and however the command ends.
# 64 MiB in each direction; `make bench-channel` takes 1 GiB.
#: kvm
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)
stall=16 # more than Firecracker's 2 s and the guest kernel's 8 s for a connection that is closed (common/proto.h)

sum() { sha256sum | cut -d' ' -f1; }
# what `pattern N` writes into a pipe, in the guest and here: N bytes that do not repeat soon
pattern='seq 1000000000 1 1999999999 | head -c'
pattern() { { seq 1000000000 1 1999999999 2>/dev/null || true; } | head -c "$1"; }

# --- the VM's own streams, with a reader that stalls until the command has long ended ----------------------
pattern 1000000 | vm "$entry" /bin/sh -c "sleep 5; sha256sum | grep -q $(pattern 1000000 | sum) || exit 4
    $pattern 1000000; { $pattern 500000; } >&2; exit 5" \
    > >({ sleep $stall; sum; } >"$work/out") 2> >({ sleep $stall; sum; } >"$work/err") && status=0 || status=$?
written() { [ -s "$work/out" ] && [ -s "$work/err" ]; }
is "stdin, read late, arrives whole and then ends" "$status" 5
check "both readers end" wait_until 30 written
is "a reader that stalls for $stall s loses nothing of stdout" "$(<"$work/out")" "$(pattern 1000000 | sum)"
is "nor of stderr" "$(<"$work/err")" "$(pattern 500000 | sum)"

capture vm timeout 300 "$entry" /bin/bash -c 'setsid sleep 1000 & sleep 1000 & echo before; exec >&- 2>&-; sleep 3; exit 6'
is "a command that closes its outputs goes on; whoever else holds them does not" "$STATUS/$STDOUT" 6/before

# --- one VM for the rest -----------------------------------------------------------------------------------
vm "$entry" /bin/bash -c 'echo ready; while read -r line; do echo "got $line"; done' < <(sleep 1000) >"$work/vm" 2>&1 &
job=$!
check "a VM for execs" wait_until 100 grep -q ready "$work/vm"

"$ctr" exec -- sh -c "$pattern 1000000" | { sleep $stall; sum; } >"$work/read" &
reader=$!
is "exec: a command that reads nothing for $stall s gets all of stdin" \
    "$(pattern 1000000 | "$ctr" exec -i -- sh -c "sleep $stall; sha256sum | cut -d' ' -f1")" "$(pattern 1000000 | sum)"
wait $reader
is "exec: a reader that stalls for $stall s loses nothing" "$(<"$work/read")" "$(pattern 1000000 | sum)"

# a pipe that is full and nobody reads
mkfifo "$work/full"
exec 7<>"$work/full"
"$ctr" exec -- sh -c 'echo begun >&2; head -c 1000000 /dev/zero; echo over >&2' >"$work/full" 2>"$work/blocked" &
blocked=$!
check "a writer whose reader does not read" wait_until 20 grep -q begun "$work/blocked"
sleep 3
is "is blocked by that" "$(<"$work/blocked")" begun
is "which blocks nothing else" "$("$ctr" exec echo free)" free
check "nor control" "$ctr" status --healthy
kill -TERM $blocked
killed() { ! "$ctr" exec --busybox pgrep -x head >/dev/null; }
check "nor its signals" wait_until 20 killed
check "its output is still waited for" kill -TERM $blocked
status=0
wait $blocked || status=$?
is "until the next signal" "$status" 143
exec 7<&-
is "stderr flows while stdout is full" \
    "$("$ctr" exec -- sh -c "head -c 1000000 /dev/zero & $pattern 1000000 >&2; wait" 2>&1 >&- >(sleep 5; cat >/dev/null) | sum)" \
    "$(pattern 1000000 | sum)"
timeout 100 "$ctr" exec -- sh -c 'setsid sh -c "while :; do echo x; done" & exit 3' >"$work/daemon" || status=$?
is "a command that leaves a daemon, which writes on, ends its exec" "$status" 3
is "outputs that are closed at once" "$(timeout 100 "$ctr" exec -- bash -c 'exec >&- 2>&-; sleep 1; exit 4' || echo $?)" 4

# --- a terminal's last output ------------------------------------------------------------------------------
cat >"$work/slow.py" <<'PTY'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
time.sleep(float(sys.argv[1]))
count = 0
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    count += data.count(b"b")
print(count, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PTY
shout='head -c 200000 /dev/zero | tr "\0" b; exit 8'
is "a terminal's output is whole" "$(python3 "$work/slow.py" 0 "$ctr" exec -it sh -c "$shout")" "200000 8"
is "also when it is read late" "$(python3 "$work/slow.py" 5 "$ctr" exec -it sh -c "$shout")" "200000 8"
is "and a short one, ten times" \
    "$(for _ in {1..10}; do python3 "$work/slow.py" 0 "$ctr" exec -it sh -c 'echo b'; done | sort | uniq -c | xargs)" "10 1 0"

# --- volume ------------------------------------------------------------------------------------------------
volume=$((64 << 20))
wanted=$(pattern $volume | sum)
began=$(date +%s%3N)
is "$volume bytes in" "$(pattern $volume | "$ctr" exec -i -- sha256sum | cut -d' ' -f1)" "$wanted"
between=$(date +%s%3N)
is "$volume bytes out" "$("$ctr" exec -- sh -c "$pattern $volume" | sum)" "$wanted"
note "in: $((between - began)) ms, out: $(($(date +%s%3N) - between)) ms"

check "stop" "$ctr" stop -t 1
wait $job || true
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
