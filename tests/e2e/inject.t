#!/bin/bash
# A failure, and a kill -9, at each step of a start: exit 125 with a reason, and in the end the host as it was.  The
# kernel is none, so that every start goes as far as Firecracker, which refuses it.
#: kvm
#: disk build/e2e.disk
#: timeout 1200
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry inject=$BUILD/net/inject.so
work=$(mktemp -d /tmp/e2e.XXXXXX)
mkdir -p "$work/jails" "$work/scratch"
printf '\177ELF and no more' >"$work/vmlinux"
ip link add up0 type dummy
ip addr add 192.0.2.1/24 dev up0
ip link set up0 addrgenmode none up
ip route add default via 192.0.2.2
ip route add 198.51.100.0/24 via 192.0.2.2

start() { # [NAME=value...]
    capture vm KERNEL_IMAGE="$work/vmlinux" JAIL_BASE="$work/jails" SCRATCH_DIR="$work/scratch" ROOTFS_SIZE=64M DATAFS_SIZE=64M \
        PORTS=8080:80,53:53/udp "$@" "$entry" /guest-static exit 0
}
# What is left, without a process started: all but rules, which go with the TAP or not at all, and are compared at last.
left() {
    shopt -s nullglob dotglob
    local all=(/sys/class/net/ctr* "$work"/jails/*/* "$work"/jails/* "$work"/scratch/*) line
    while read -r line; do [[ $line != *@ctr-jailer* ]] || all+=("${line##* }"); done </proc/net/unix
    echo "${all[*]}"
    shopt -u nullglob dotglob
}
start
like "a start as far as Firecracker" "$STATUS $STDERR" "125 *Firecracker refuses*kernel*"
is "leaves nothing" "$(left)" ""
before=$(host_state)

clean() { [ -z "$(left)" ] || start; [ -z "$(left)" ]; }
n=1 bad='' silent=''
while [ ! -e "$work/done" ] && [ $n -lt 400 ]; do
    start LD_PRELOAD="$inject" INJECT=$n INJECT_DONE="$work/done"
    [[ $STDERR != *"Firecracker refuses"* ]] || wait_until 20 clean # a failure of the undoing: the next start does it
    [ -z "$(left)" ] || bad+="$n: $(left) ($STDERR)"$'\n'
    [[ $STATUS == 125 && -n $STDERR ]] || silent+="$n: $STATUS $STDERR"$'\n'
    n=$((n + 1))
done
note "$n steps"
check "there were steps" test $n -gt 60 -a -e "$work/done"
is "a failure at each of them: 125, and a reason" "$silent" ""
is "and nothing is left" "$bad" ""
is "nor anything else on the host" "$(diff <(echo "$before") <(host_state))" ""

# What a kill leaves is the next start's to remove; its child processes end a moment later.
bad='' last=$n
for ((n = 1; n < last; n += 10)); do
    start LD_PRELOAD="$inject" INJECT=$n INJECT_KILL=1 2>/dev/null
    wait_until 20 clean || bad+="$n: $(left)"$'\n'
done
is "a kill at every tenth: nothing is left after the next start" "$bad" ""
is "nor anything else on the host" "$(diff <(echo "$before") <(host_state))" ""
ip link del up0
rm -rf "$work"
done_testing
