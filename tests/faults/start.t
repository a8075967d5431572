#!/bin/bash
# A failure, and a SIGKILL, at the steps of a start: exit 125 with one line that says why, and in the end the host as
# it was.  Entry, jailer and Firecracker are the real ones; the kernel is a few bytes that end the VM at once, which
# every KVM can run.  FAULTS=all takes every step instead of a sample.
#: timeout 900
set -euo pipefail
. tests/faults/host.bash
all=${FAULTS:-} inject=$PWD/build/inject.so entry=$PWD/build/faults/entry
mount -t tmpfs -o mode=755 run /run
uplink

start() { # [NAME=value...]
    capture env -i "${small_vm[@]}" VM_KERNEL_IMAGE="$PWD/build/faults/vmlinux" VM_PORTS=8080:80,53:53/udp VM_LOG_LEVEL=error "$@" "$entry" /guest-static </dev/null
}
# What is left of a VM, told without starting a process; rules are compared at last.
left() {
    shopt -s nullglob dotglob
    local found=("$work"/jails/*/* "$work"/jails/* "$work"/scratch/* /run/ctr-jailer* /run/ctr-jailer/*) line name
    while read -r line; do [[ $line != *@ctr-jailer* ]] || found+=("${line##* }"); done </proc/net/unix
    while read -r line; do [[ $line != ctr*:* ]] || found+=("${line%%:*}"); done </proc/net/dev
    for line in /proc/[0-9]*/comm; do
        { read -r name <"$line"; } 2>/dev/null || continue
        [[ $name != @(entry|jailer|firecracker|netsetup*|mke2fs|iptables*) ]] || found+=("process $name")
    done
    shopt -u nullglob dotglob
    echo "${found[*]}"
}
host_state() {
    ip -o addr
    ip route show table all | sed '/^multicast ff00::\/8 dev /d' # which comes when the link is up, a moment later
    iptables-save | grep -E '^(-|:)' | sed 's/\[.*\]//'
    grep -E "ctr-jailer|$work/" /proc/self/mountinfo || true
}
gone() { [ -z "$(left)" ]; }
cleaned() { gone || start; gone; } # by the next start

start
whole="ctr-jailer: the VM ended before the command did; its console says: (nothing)"
is "a start, as far as the kernel" "$STATUS $STDERR" "125 $whole"
is "leaves nothing" "$(left)" ""
before=$(host_state)

count() { # [NAME=value...]: how many calls a whole start has
    start LD_PRELOAD="$inject" INJECT=0 INJECT_DONE="$work/done" "$@"
    read -r COUNT _ <"$work/done"
    rm "$work/done"
}
# Each N from FIRST, STRIDE apart, up to COUNT.
each() { # FIRST STRIDE FUNCTION [NAME=value...]
    local n stride=${all:+1}
    BAD='' STARTS=0 stride=${stride:-$2}
    for ((n = $1; n <= COUNT; n += stride)); do
        rm -f "$work/log"
        start LD_PRELOAD="$inject" INJECT="$n" INJECT_LOG="$work/log" "${@:4}"
        STARTS=$((STARTS + 1)) STEP=''
        [ ! -e "$work/log" ] || STEP=$(<"$work/log")
        "$3" "$n"
    done
    note "$STARTS starts, of $COUNT steps"
}
bad() { BAD+="${STEP:-$1}: $2"$'\n'; }
one_line() { [[ $STATUS == 125 && $STDERR == ctr-jailer:\ * && $STDERR != *$'\n'* ]]; }
# A failure at once leaves nothing.  One that was tolerated let the start go on, and when what failed was the undoing
# itself, the next start has to do it.
failed() {
    one_line || bad "$1" "$STATUS $STDERR"
    if [ "$STDERR" = "$whole" ]; then
        TOLERATED+=" ${STEP##* }"
        wait_until 20 cleaned || bad "$1" "left after the next start: $(left) ($STATUS $STDERR)"
    elif ! gone; then
        bad "$1" "left: $(left) ($STDERR)"
        wait_until 20 cleaned || true
    fi
}
# Somebody else's death is a failure like others.  A VM that runs goes on without a disk's server, as far as it can:
# a line of its own tells that.
other_killed() {
    STDERR=${STDERR#"ctr-jailer: the root disk's server has ended: the guest can no longer read that disk"$'\n'}
    one_line || bad "$1" "$STATUS $STDERR"
    gone || { bad "$1" "left: $(left) ($STDERR)"; wait_until 20 cleaned || true; }
}
# What entry's or its keeper's death leaves is the next start's; its children end a moment later.  If it is a child that dies, entry
# says so.
killed() {
    [ "$STATUS" = 137 ] || one_line || bad "$1" "$STATUS $STDERR"
    wait_until 20 cleaned || bad "$1" "left after the next start: $(left) ($STATUS $STDERR)"
}

errors=(ENOMEM EMFILE ENOSPC EIO EPERM)
count
steps=$COUNT TOLERATED=''
check "there are steps" test "$steps" -gt 150
for i in "${!errors[@]}"; do
    each $((i * 3 + 1)) 15 failed INJECT_ERROR="${errors[i]}"
    is "${errors[i]} at a step: 125, one line, nothing left" "$BAD" ""
done
note "done without:$(tr ' ' '\n' <<<"$TOLERATED" | sort | uniq -c | xargs)"
start # rules whose removal failed, or was cut off, are the next start's; `left` does not see them
is "the host is as it was" "$(diff <(echo "$before") <(host_state))" ""

count INJECT_MEMORY=1
TOLERATED=''
check "there are allocations" test "$COUNT" -gt 200 # 245 as this is written: it is our own code that allocates
each 3 11 failed INJECT_MEMORY=1
is "no memory: 125, one line, nothing left" "$BAD" ""
start # rules whose removal failed, or was cut off, are the next start's; `left` does not see them
is "the host is as it was" "$(diff <(echo "$before") <(host_state))" ""

for who in jailer jail server; do
    COUNT=$steps
    each 40 11 other_killed INJECT_KILL=$who
    is "SIGKILL of the $who at a step: 125, one line, nothing left" "$BAD" ""
done
for who in self keeper; do
    COUNT=$steps
    each 2 8 killed INJECT_KILL=$who
    is "SIGKILL of entry ($who) at a step: nothing is left after the next start" "$BAD" ""
done
start # rules whose removal failed, or was cut off, are the next start's; `left` does not see them
is "the host is as it was" "$(diff <(echo "$before") <(host_state))" ""
umount "$work"
rmdir "$work"
done_testing
