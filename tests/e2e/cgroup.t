#!/bin/bash
# VM_CGROUP, and the limits of the group that entry is in, in v2 and v1.  No guest boots: the kernel only uses its CPU.
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctl=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)
top=$(findmnt -n -t cgroup2 -o TARGET | head -n 1) || skip_all 'no cgroup2 here'
python3 tests/e2e/tiny.py "$work/spin" spin
box=$top/ctr-box
mkdir "$box"
within() { bash -c 'for procs in $0; do echo $$ >"$procs"; done; exec "$@"' "$@"; } # "FILE..." COMMAND...
VM=(env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" VM_KERNEL_IMAGE="$work/spin" VM_BOOT_TIMEOUT=300 VM_NETWORK=none)
running() { "$ctl" status --json >"$work/status" 2>/dev/null; }
begin() { # COMMAND...: a VM that spins; firecracker is its process
    "$@" >"$work/log" 2>&1 &
    vm=$!
    if wait_until 100 running; then pass 'a VM runs'; else fail 'a VM runs' "$(<"$work/log")"; fi
    firecracker=$(jq .pids.firecracker "$work/status")
    self=$(jq .pids.entry "$work/status")
}
stop() {
    kill -TERM "$self"
    wait $vm || true
}
refused() { # NAME PATTERN COMMAND...
    capture "${@:3}"
    like "refused: $1" "$STATUS/$STDERR" "125/ctr-jailer: $2"
}
group() { sed -n "s/^$1:[^:]*://p" "/proc/$2/cgroup"; }

echo +memory +cpu +pids >"$top/cgroup.subtree_control"
echo 300M >"$box/memory.max"
echo '50000 100000' >"$box/cpu.max"
begin within "$box/cgroup.procs" "${VM[@]}" "$entry" /guest-static
is "without options Firecracker is in entry's group" "$(group 0 "$firecracker")" /ctr-box
# What docker pause does (runc's fs2/freezer.go): it is waited for that all are frozen.
is "KVM's kernel thread is not in it" \
    "$(sed 's,.*,/proc/&/comm,' "$box/cgroup.procs" | xargs grep -hxE 'firecracker|kvm-nx-lpage.*' | paste -sd,)" firecracker
frozen() { grep -qx "frozen $1" "$box/cgroup.events"; }
echo 1 >"$box/cgroup.freeze"
check 'a frozen group is frozen' wait_until 30 frozen 1
echo 0 >"$box/cgroup.freeze"
check 'and thaws' wait_until 30 running
stop
is "the guest's memory follows the group's limit" \
    "$(within "$box/cgroup.procs" "${VM[@]}" MEM_SIZE_MIB= "$entry" --dry-run /guest-static | jq .mem_size_mib)" $((300 - 96))
refused 'too little memory, as the kernel tells it' 'Firecracker ended with signal 9, *\(raise the container*memory limit*' \
    within "$box/cgroup.procs" "${VM[@]}" VM_KERNEL_IMAGE="$KERNEL" VM_CGROUP=memory.max=16M "$entry" /guest-static eat
check 'the limit did that, in the container' grep -q 'oom_kill [1-9]' "$box/memory.events"

slices='VM_CGROUP=cpu.weight=50 cpu.max=20000 100000 memory.max=200M pids.max=300'
begin within "$box/ctr-jailer-entry/cgroup.procs" "${VM[@]}" "$slices" VM_ID=sliced "$entry" /guest-static
own=$box/ctr-jailer/sliced
is 'Firecracker is in a group below it' "$(group 0 "$firecracker")" /ctr-box/ctr-jailer/sliced
is 'entry is in one of its own' "$(group 0 "$self")" /ctr-box/ctr-jailer-entry
is 'with the values' "$(cat "$own"/{cpu.weight,cpu.max,memory.max,pids.max} | paste -sd,)" "50,20000 100000,$((200 << 20)),300"
throttled() { [ "$(sed -n 's/^nr_throttled //p' "$own/cpu.stat")" -gt "${1:-0}" ]; }
check "the guest's CPU is held to its quota" wait_until 60 throttled
is 'the guest memory by default follows memory.max' \
    "$(within "$box/ctr-jailer-entry/cgroup.procs" "${VM[@]}" "$slices" MEM_SIZE_MIB= "$entry" --dry-run /guest-static | jq -c '[.mem_size_mib, .cgroup]')" \
    '[104,["cpu.weight=50","cpu.max=20000 100000","memory.max=200M","pids.max=300"]]'
stop
is 'the groups end with the VM' "$(cd "$box" && echo ctr-*)" ctr-jailer-entry

begin within "$box/ctr-jailer-entry/cgroup.procs" "${VM[@]}" "$slices" VM_ID=again "$entry" /guest-static
is 'a start from there is in the same place' "$(group 0 "$firecracker")" /ctr-box/ctr-jailer/again
mkdir "$box/ctr-jailer/dead"
begin2=$("${VM[@]}" "$slices" VM_ID=third bash -c 'echo $$ >"$0"; exec "$@"' "$box/ctr-jailer-entry/cgroup.procs" "$entry" 2>&1 --dry-run /guest-static | jq -r .id)
is '--dry-run makes none' "$begin2 $(cd "$box/ctr-jailer" && ls -d -- */ | paste -sd' ')" 'third again/ dead/'
kill -KILL "$self" # its keeper removes all that is its own
wait $vm || true
gone() { [ ! -d "$box/ctr-jailer/again" ]; }
check 'killed, it leaves no group' wait_until 60 gone
refused 'a value that the kernel does not take' 'the jailer refuses: *cpu.weight*\(the kernel rejects this value of VM_CGROUP)' \
    within "$box/ctr-jailer-entry/cgroup.procs" "${VM[@]}" VM_CGROUP=cpu.weight=0 "$entry" /guest-static
is "that start removed what a dead VM had left" "$(cd "$box" && echo ctr-*)" ctr-jailer-entry
refused 'a file that there is not' 'VM_CGROUP: cpu.wait=1: *: No such file or directory' within "$box/ctr-jailer-entry/cgroup.procs" "${VM[@]}" VM_CGROUP=cpu.wait=1 "$entry" /guest-static
refused 'a file that there is not, by --dry-run' 'VM_CGROUP: cpu.wait=1: *: No such file or directory' within "$box/ctr-jailer-entry/cgroup.procs" "${VM[@]}" VM_CGROUP=cpu.wait=1 "$entry" --dry-run /guest-static
refused 'a controller that there is not' 'VM_CGROUP: gpu.max=1: no cgroup here has the controller gpu (v2 has: *cpu*' "${VM[@]}" VM_CGROUP=gpu.max=1 "$entry" /guest-static
refused 'no value' 'VM_CGROUP=cpu.weight: must be *FILE=VALUE*' "${VM[@]}" VM_CGROUP=cpu.weight "$entry" /guest-static

# As a container sees it: the top of its own namespace, with other processes in it.
crowd=$top/ctr-crowd
mkdir "$crowd"
sleep 1000 &
sleeper=$!
echo $sleeper >"$crowd/cgroup.procs"
refused 'in a group with others' 'VM_CGROUP: cannot enable cpu for the children of *: Device or resource busy (*other processes*Delegate=yes)' \
    within "$crowd/cgroup.procs" "${VM[@]}" VM_CGROUP=cpu.weight=50 "$entry" /guest-static
for pid in $(cat "$crowd/ctr-jailer-entry/cgroup.procs"); do echo "$pid" >"$top/cgroup.procs"; done
rmdir "$crowd/ctr-jailer-entry"
container() { within "$crowd/cgroup.procs" unshare -C -m bash -c 'umount "$0"; mount -t cgroup2 ${FLAGS:-} none "$0" && exec "$@"' "$top" "$@"; }
begin container "${VM[@]}" VM_CGROUP=cpu.weight=50 VM_ID=inside "$entry" /guest-static
is "in a container's namespace: below its top" "$(group 0 "$firecracker") $(<"$crowd/ctr-jailer/inside/cpu.weight")" '/ctr-crowd/ctr-jailer/inside 50'
is 'the others there have moved too' "$(group 0 $sleeper)" /ctr-crowd/ctr-jailer-entry
stop
for pid in $(cat "$crowd/ctr-jailer-entry/cgroup.procs"); do echo "$pid" >"$top/cgroup.procs"; done
rmdir "$crowd/ctr-jailer-entry"
begin container unshare -p -f --mount-proc "${VM[@]}" VM_LOG_LEVEL=info VM_ID=apart "$entry" /guest-static
check "KVM's kernel thread cannot be named from a PID namespace: that is said" \
    wait_until 30 grep -q 'docker pause would hang: use ctr-jailer pause' "$work/log"
kill -TERM "$(pgrep -o -x entry)" # status has its number in there
wait $vm || true
FLAGS=-oro refused 'read-only, as in a container without privileges' 'VM_CGROUP: cannot * Read-only file system (*read-only: run it privileged)' \
    env FLAGS=-oro bash -c "$(declare -f within); $(declare -f container); crowd=$crowd top=$top; container \"\$@\"" - "${VM[@]}" VM_CGROUP=cpu.weight=50 "$entry" /guest-static
kill $sleeper
wait $sleeper 2>/dev/null || true
echo -cpu -pids >"$box/cgroup.subtree_control"
rmdir "$crowd/ctr-jailer-entry" 2>/dev/null || true
rmdir "$crowd" "$box/ctr-jailer-entry"
rmdir "$box"

# The root of all, where processes may be beside parts.
begin "${VM[@]}" VM_CGROUP=cpu.weight=50 VM_ID=top "$entry" /guest-static
is "in the hierarchy's root" "$(group 0 "$firecracker") $(<"$top/ctr-jailer/top/cpu.weight")" '/ctr-jailer/top 50'
is 'entry stays' "$(group 0 "$self")" "$(group 0 $$)"
stop
echo -cpu -pids >"$top/cgroup.subtree_control"

# v1, where this kernel lets go of controllers; each in a hierarchy of its own.
mkdir "$work/cpu" "$work/pids"
if mount -t cgroup -o cpu cpu "$work/cpu" && mount -t cgroup -o pids pids "$work/pids"; then
    mkdir "$work/cpu/box" "$work/pids/box"
    begin within "$work/cpu/box/tasks $work/pids/box/tasks" "${VM[@]}" VM_CGROUP='cpu.shares=512 pids.max=300' VM_ID=old "$entry" /guest-static
    is 'v1: Firecracker is below' "$(sed -n 's/^.*:\(cpu\|pids\):/\1 /p' "/proc/$firecracker/cgroup" | sort | paste -sd,)" 'cpu /box/ctr-jailer/old,pids /box/ctr-jailer/old'
    is 'v1: with the values' "$(cat "$work"/{cpu/box/ctr-jailer/old/cpu.shares,pids/box/ctr-jailer/old/pids.max} | paste -sd,)" 512,300
    stop
    is 'v1: the groups end with the VM' "$(find "$work"/{cpu,pids}/box -mindepth 1 -type d)" ''
    refused 'v1 and v2 at once' 'VM_CGROUP: memory.max=*: the jailer accepts settings of one cgroup only*' "${VM[@]}" VM_CGROUP='cpu.shares=512 memory.max=500M' "$entry" /guest-static
    rmdir "$work"/{cpu,pids}/box
    umount "$work/cpu" "$work/pids"
else
    skip 'v1' 'the controllers are in use in v2'
fi
rm -rf "$work"
done_testing
