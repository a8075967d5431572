#!/bin/bash
# ctr-jailer pause and unpause: what a paused VM still answers, and what is as it was afterwards.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
VM_TREE=$TREES/rootfs-debian
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)

# It counts without end, and answers each line of a TCP connection.
cat >"$work/script" <<'GUEST'
trap 'echo leaving; exit 9' TERM
perl -MIO::Socket::INET -e '
    $s = IO::Socket::INET->new(LocalPort => 7, Listen => 1, ReuseAddr => 1) or die;
    while ($c = $s->accept) { $c->autoflush(1); while (<$c>) { print $c "you said $_"; } }' &
for ((n = 0;; n++)); do echo $n; sleep 0.1; done
GUEST
vm VM_ID=pauses "$entry" /bin/bash -c "$(<"$work/script")" >"$work/out" 2>"$work/err" &
job=$!
state() { "$ctr" status --json 2>/dev/null | jq -r .state; }
is_state() { [ "$(state)" = "$1" ]; }
wait_until 60 is_state booting || true
capture "$ctr" pause
is "a VM that boots is not paused" "$STATUS/$STDERR" "125/ctr-jailer: pause: the VM is booting"
check "a VM that counts" wait_until 100 grep -qx 5 "$work/out"

address=$("$ctr" status --json | jq -r .address)
talk() { exec 8<>"/dev/tcp/$address/7"; }
check "a TCP connection to it" wait_until 60 talk
echo one >&8
read -rt 60 -u 8 line || true
is "answers" "$line" "you said one"
# An exec whose output is under way.
"$ctr" exec -- sh -c 'seq 1 200000; sleep 1; seq 200001 300000' >"$work/seq" &
execs=$!
check "an exec under way" wait_until 60 test -s "$work/seq"

check "pause" "$ctr" pause
paused_at=$(date +%s)
is "is what status says" "$(state)" paused
stands() { # it counts ten a second when it runs
    local size
    size=$(stat -c %s "$work/out")
    read -rt 2 -u "$TAP_SILENCE" || true
    [ "$(stat -c %s "$work/out")" = "$size" ]
}
check "the command stands still" wait_until 20 stands
check "it is not called unhealthy, which would have it replaced" "$ctr" status --healthy
is "metrics tell of it" "$("$ctr" status --metrics | grep -c 'state_info{.*state="paused"} 1')" 1
capture "$ctr" exec true
is "exec is refused" "$STATUS/$STDERR" "125/ctr-jailer: the VM is paused; ctr-jailer unpause resumes it"
check "pausing again changes nothing" "$ctr" pause
echo two >&8
status=0
read -rt 2 -u 8 line || status=$?
check "the guest's network is silent" test "$status" -gt 128
later() { [ $(($(date +%s) - paused_at)) -ge 12 ]; }
wait_until 20 later

check "unpause" "$ctr" unpause
is "is what status says" "$(state)" running
read -rt 60 -u 8 line || true
is "the connection lives, and what was sent meanwhile has arrived" "$line" "you said two"
exec 8<&-
first=$(date +%s) guest=$("$ctr" exec date +%s) last=$(date +%s)
note "here $first, the guest $guest, here $last"
check "the guest's clock is right" test "$guest" -ge $((first - 1)) -a "$guest" -le $((last + 1))
status=0
wait $execs || status=$?
is "the exec goes on, and its output is whole" "$status $(sha256sum <"$work/seq")" "0 $(seq 1 300000 | sha256sum)"
last=$(tail -n 1 "$work/out")
more() { [ "$(tail -n 1 "$work/out")" -gt "$last" ]; }
check "the command goes on" wait_until 20 more
is "and has lost nothing" "$(grep -vx leaving "$work/out" | awk '$1 != NR - 1' | head -n 1)" ""
check "unpausing what runs changes nothing" "$ctr" unpause
capture "$ctr" pause now
is "an argument" "$STATUS/$STDERR" "125/ctr-jailer: pause: takes no arguments"

check "paused once more" "$ctr" pause
check "stop lets it go on first" "$ctr" stop
status=0
wait $job || status=$?
is "so the command has ended as it wanted" "$status/$(tail -n 1 "$work/out")" 9/leaving
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
