#!/bin/bash
# The guest's command as a local process: streams, signals, stop, exec, status.
#: kvm
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)

capture "$ctr" status
is "without a VM" "$STATUS/$STDERR" "125/ctr-jailer: no VM is running here"

# One VM that waits, and tells which signals it gets; everything else happens in it by exec.
cat >"$work/script" <<'GUEST'
for n in 1 2 3 10 12 13 14 15 16 21 22 23 24 25 26 27 28 29 30 31 34 40 64; do trap "echo signal $n" $n; done
trap 'echo leaving; exit 9' INT
echo "ready $(id -un) $PWD $HOME"
while :; do sleep 0.2; done
GUEST
vm VM_USER=www-data:staff VM_WORKDIR=/tmp VM_STOP_SIGNAL=INT GREETING=hello "$entry" /bin/bash -c "$(<"$work/script")" \
    >"$work/out" 2>"$work/err" &
job=$!
check "a VM with a user and a working directory" wait_until 100 grep -q '^ready www-data /tmp /var/www$' "$work/out"

capture "$ctr" status --json
is "status" "$(jq -r '.state' <<<"$STDOUT")" running
check "status --healthy" "$ctr" status --healthy

capture "$ctr" exec -- sh -c 'echo out; echo err >&2; exit 33'
is "exec: streams apart and the exit code" "$STATUS/$STDOUT/$STDERR" "33/out/err"
capture "$ctr" exec -u daemon -w /usr -e "A=b c" -- sh -c 'id -un; pwd; echo "$A $GREETING"'
is "exec: user, directory, variables" "$STDOUT" $'daemon\n/usr\nb c hello'
capture "$ctr" exec -u nobody -- sh -c 'echo x >/dev/stdout; echo y >/dev/stderr'
is "exec: /dev/stdout can be opened by another user" "$STATUS/$STDOUT/$STDERR" "0/x/y"
capture "$ctr" exec -u nosuch -- true
is "exec: an unknown user" "$STATUS/$STDERR" "125/ctr-jailer: there is no user 'nosuch' in the image's /etc/passwd"
capture "$ctr" exec -w /nosuch -- true
is "exec: no such directory" "$STATUS/$STDERR" \
    "125/ctr-jailer: cannot change to the directory /nosuch in the guest: No such file or directory"
capture "$ctr" exec /nonexistent
is "exec: not found" "$STATUS" 127
capture "$ctr" exec -- sh -c 'kill -9 $$'
is "exec: killed" "$STATUS" 137
capture "$ctr" exec --busybox sh -c 'ls /bin/bash'
is "exec --busybox: a shell of the initramfs" "$STATUS/$STDOUT" "0//bin/bash"
is "exec: without -i stdin is empty" "$("$ctr" exec wc -c </etc/passwd)" 0
codes=$(for code in $(seq 0 255); do "$ctr" exec -- sh -c "exit $code" || echo $?; done | tr '\n' ' ')
is "exec: all 256 exit codes" "0 $codes" "$(seq -s ' ' 0 255) "

# --- volume, in both directions --------------------------------------------------------------------------
head -c 5000000 /dev/urandom >"$work/data"
sum=$(sha256sum <"$work/data")
is "5 MB in" "$("$ctr" exec -i sha256sum <"$work/data")" "$sum"
is "5 MB in and out again" "$("$ctr" exec -i cat <"$work/data" | sha256sum)" "$sum"
is "a slow reader loses nothing" "$("$ctr" exec -- sh -c 'head -c 1000000 /dev/zero; echo done >&2' 2>"$work/slow" |
    { sleep 2; wc -c; }; cat "$work/slow")" $'1000000\ndone'
is "a reader that leaves ends the writer" "$("$ctr" exec -- yes | head -n 1)" y
check "what holds stdout after the command's end is not waited for" timeout 100 "$ctr" exec -- sh -c 'sleep 1000 & echo x'
for i in 1 2 3 4 5 6 7 8; do "$ctr" exec -- sh -c "sleep 0.5; echo $i" & done >"$work/many"
wait_many() { [ "$(sort "$work/many" | tr -d '\n')" = 12345678 ]; }
check "eight at once" wait_until 60 wait_many

# --- signals ---------------------------------------------------------------------------------------------
pid=$(pgrep -P $job -x entry || echo $job)
for n in 1 3 10 12 14 16 21 22 23 24 25 26 27 29 30 31 34 40 64; do
    kill -$n "$pid"
    wait_until 30 grep -qx "signal $n" "$work/out" || fail "signal $n reaches the command" "$(<"$work/out")"
done
pass "signals reach the command"

# --- process 1 is the command, as in a container ----------------------------------------------------------
check "exec: what is written on /proc/1/fd/1" "$ctr" exec -u root -- sh -c 'echo by way of one >/proc/1/fd/1; echo of two >>/proc/1/fd/2'
check "is on the command's stdout" wait_until 20 grep -qx 'by way of one' "$work/out"
check "and on its stderr" wait_until 20 grep -qx 'of two' "$work/err"
lines=$(grep -cx 'signal 10' "$work/out")
"$ctr" exec -u root -- sh -c 'kill -USR1 1; kill -WINCH 1; kill -40 1'
more() { [ "$(grep -cx 'signal 10' "$work/out")" -gt "$lines" ] && [ "$(grep -cx 'signal 40' "$work/out")" = 2 ]; }
check "a signal to process 1 reaches the command" wait_until 20 more
check "exec: so may the command's user" "$ctr" exec -- sh -c 'echo by way of its user >/proc/1/fd/1 && kill -USR2 1'
heard() { grep -qx 'by way of its user' "$work/out" && [ "$(grep -cx 'signal 12' "$work/out")" = 2 ]; }
check "and is heard" wait_until 20 heard
check "but no other" "$ctr" exec -u nobody -- sh -c '! { echo x >/proc/1/fd/1; } 2>/dev/null && ! kill -0 1 2>/dev/null'
check "nor more than that" "$ctr" exec -- sh -c '! ls -l /proc/1/cwd 2>/dev/null && ! cat /proc/1/environ 2>/dev/null'
# What init lets the command's user do to it, its later children inherit: those of root, too.
capture "$ctr" exec -- sh -c 'renice -n 5 -p 1; renice -n 3 -u www-data; ionice -c 3 -p 1; taskset -p 1 1; chrt -i -p 0 1; prlimit --pid 1 --nofile=4
    for f in mem environ oom_score_adj autogroup timerslack_ns; do echo 0 >/proc/1/$f || cat /proc/1/$f; done; kill -KILL 1; kill -STOP 1'
is "process 1 has the priority, policy and limits that it had" \
    "$("$ctr" exec -u root -- sh -c 'nice; ionice -p 1; chrt -p 1 | head -n 1; prlimit -p 1 -n --noheadings -o SOFT | xargs; ls /proc/1/fdinfo >/dev/null && echo ok' | tee "$work/one" | tr '\n' ' ')" \
    "0 none: prio 0 pid 1's current scheduling policy: SCHED_OTHER 1024 ok "
like "each of these was refused" "$STDOUT$STDERR" "*renice: failed to set priority for 1 *ionice: *taskset: *chrt: *prlimit: *"

# --- stop ------------------------------------------------------------------------------------------------
"$ctr" exec sleep 1000 &
sleeper=$!
check "stop" "$ctr" stop
status=0
wait $job || status=$?
is "the command gets VM_STOP_SIGNAL and its exit code is entry's" "$status/$(tail -n 1 "$work/out")" "9/leaving"
status=0
wait $sleeper || status=$?
check "an exec under way ends with the VM" test "$status" -gt 124

is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
