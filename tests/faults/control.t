#!/bin/bash
# The control socket: root of the container asks, whoever else is in its network namespace does not; what is in the run
# folder, and what a container without a writable /run is told.  Entry, jailer and Firecracker are the real ones; the
# kernel is a few bytes that wait, which every KVM can run.
#: timeout 120
set -euo pipefail
. tests/faults/host.bash
ctr=$PWD/build/bin/ctr-jailer
mount -t tmpfs -o mode=755 run /run
uplink

vm() { # [NAME=value...]
    env -i "${small_vm[@]}" VM_PORTS=8080:80 "$@" "$PWD/build/faults/entry" /guest-static </dev/null
}
state=/run/ctr-jailer/one/state.json
is "no VM" "$("$ctr" status 2>&1)" "ctr-jailer: no VM is running here"
is "the list is empty" "$("$ctr" ls)$("$ctr" ls --json)" "[]"
vm VM_ID=one >"$work/out" 2>&1 &
job=$!
booting() { "$ctr" status >"$work/status" 2>/dev/null; }
check "root of the container is answered" wait_until 30 booting
is "by the VM there is" "$(head -1 "$work/status")" "id: one"
is "with its id too" "$("$ctr" --id one status | sed -n 2p)" "state: booting"
is "not another one" "$("$ctr" --id two status 2>&1)" "ctr-jailer: --id two: no VM with that id is running here"
is "nor a path" "$("$ctr" --id ../ctr-jailer/one status 2>&1)" "ctr-jailer: --id ../ctr-jailer/one: not a VM id"

is "the folder is root's alone" "$(cd /run && stat -c '%n %a %u:%g' ctr-jailer ctr-jailer/one ctr-jailer/one/*)" "ctr-jailer 700 0:0
ctr-jailer/one 700 0:0
ctr-jailer/one/control 600 0:0
ctr-jailer/one/lock 600 0:0
ctr-jailer/one/state.json 600 0:0"
json() { jq -r "$1" "$state"; }
is "the state says what status does" "$(json '[.id, .network, .address, .tap, .ports[0]] | join(" ")')" \
    "one nat $(sed -n 's/^address: //p' "$work/status") $(sed -n 's/^tap: //p' "$work/status") 8080:80/tcp"
is "its processes" "$(cat "/proc/$(json .pids.entry)/comm" "/proc/$(json .pids.firecracker)/comm")" $'entry\nfirecracker'
is "the network namespace" "net:[$(json .netns)]" "$(readlink /proc/self/ns/net)"
is "and the tree" "$(json .image)" "$PWD/build/rootfs-static"
check "its lock is held" test "$(flock -n /run/ctr-jailer/one/lock echo free || echo held)" = held
is "no abstract socket takes questions" "$(grep -c '@ctr-jailer.*control' /proc/net/unix)" 0
is "the list has it" "$("$ctr" ls)" \
    "$(jq -r '[.id, .pids.entry, (.started | todate), .network, .address, .image, "running", "host"] | @tsv' "$state")"
is "and as JSON all of its state" "$("$ctr" ls --json | jq -cS .)" "$(jq -cS '[. + {status: "running", place: "host"}]' "$state")"
inspect() { "$ctr" inspect "$@" | jq -r "[.VMMID, .Type, .NetworkInterfaces[0].StaticConfiguration.IPConfiguration.IP,
    .NetworkInterfaces[0].StaticConfiguration.HostDeviceName, .Pid.Pid, .StartedAtUTC, .Rootfs.Path] | join(\" \")"; }
known=$(json '["one run", .address, .tap, .pids.firecracker, .started, .image] | join(" ")')
is "inspect tells it by firebuild's names" "$(inspect --vmm-id=one)" "$known"
is "also by an id alone" "$(inspect one)/$(inspect --vmm-id one)" "$known/$known"
like "also MAC address, gateway and net" "$("$ctr" inspect one | jq -r '.NetworkInterfaces[0].StaticConfiguration | [.MacAddress, .IPConfiguration.Gateway, .IPConfiguration.IPMask, .IPConfiguration.IPNet] | join(" ")')" \
    "*:*:*:*:*:* 10.* 255.255.255.252 $(json .address)/30"
is "the gateway is the TAP's address" "$(json .gateway)" "$(ip -j addr show dev "$(json .tap)" | jq -r '.[0].addr_info[] | select(.family == "inet").local')"
is "with our own beside them" "$("$ctr" inspect one | jq -cS .State)" "$(jq -cS . "$state")"
is "a tree has no names in a store" "$("$ctr" inspect one | jq -c .Rootfs.Tags)" "[]"
is "not another one's" "$("$ctr" inspect two 2>&1)" "ctr-jailer: inspect: two: no VM with that id is running here"
for words in "" "../one" "one two" "--what"; do
    # shellcheck disable=SC2086 # words
    is "inspect ${words:-of nothing}: refused" "$("$ctr" inspect $words 2>&1)" "ctr-jailer: inspect: usage: inspect [--show-env] [--vmm-id] ID"
done
is "a list takes no names" "$("$ctr" ls one 2>&1)" "ctr-jailer: ls: usage: ls [-a] [-q] [--json] [--filter KEY=TEXT]..."

# Another container: uid 0 in the same network namespace, in mount and PID namespaces of its own, without capabilities.
other() { unshare --mount --pid --fork --mount-proc bash -c "mount -t tmpfs run /run; $1"; }
is "uid 0 of another container finds none" "$(other "setpriv --bounding-set=-all --inh-caps=-all '$ctr' status 2>&1" || true)" \
    "ctr-jailer: no VM is running here"
capture setpriv --reuid=65534 --regid=65534 --clear-groups "$ctr" status
is "another user is told why not" "$STATUS $STDERR" "125 ctr-jailer: cannot look for VMs in /run/ctr-jailer: Permission denied (only root may connect)"
# One that got in all the same: its uid is looked at.
capture setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override "$ctr" status --json
like "nor may another user who reaches the socket" "$STATUS $STDOUT$STDERR" "125 ctr-jailer: *only root may connect"

capture vm VM_ID=one VM_JAIL_BASE="$work/jails2"
is "an id is one VM's" "$STATUS $STDERR" "125 ctr-jailer: VM_ID=one: a VM with that id is running"
check "which goes on" "$ctr" --id one status
vm VM_ID=two VM_PORTS= >"$work/out2" 2>&1 &
second_job=$!
booting_two() { "$ctr" --id two status >/dev/null 2>&1; }
check "a second one" wait_until 30 booting_two
like "then one has to say which" "$("$ctr" status 2>&1)" "ctr-jailer: several VMs are running here; choose one with --id: @(one two|two one)"

is "the list has both" "$("$ctr" ls | cut -f 1)" $'one\ntwo'
is "and so has the JSON" "$("$ctr" ls --json | jq -c '[.[].id]')" '["one","two"]'

second=$(jq .pids.entry /run/ctr-jailer/two/state.json)
kill -9 "$(pgrep -P "$second" -x entry-keeper)" "$second"
wait "$second_job" || true
check "a VM that is killed with its keeper leaves its folder" test -e /run/ctr-jailer/two/lock
is "but is not found" "$("$ctr" status | head -1)" "id: one"
is "nor listed" "$("$ctr" ls | cut -f 1)" one
kill "$(json .pids.entry)"
wait "$job" || true
is "one that ends leaves none" "$(ls /run/ctr-jailer)" "two"
vm VM_ID=three VM_BOOT_TIMEOUT=1 >"$work/out3" 2>&1 || true
check "and the next start removes the other's, and the folder of all" test ! -e /run/ctr-jailer

mount -o remount,ro /run
capture vm
is "without a writable /run" "$STATUS $STDERR" "125 ctr-jailer: cannot create /run/ctr-jailer: Read-only file system (/run must be writable: docker run --tmpfs /run)"
umount "$work"
rmdir "$work"
done_testing
