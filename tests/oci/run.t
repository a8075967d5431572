#!/bin/bash
# ctr-jailer-oci with the real runc, entry, jailer and Firecracker, on this machine: a container by a bundle made by
# hand.  The guest's kernel is a few bytes that wait, and guest.py connects in the place of its init and reads what it is
# told; or a few bytes that end the VM.
#: timeout 240
set -euo pipefail
. tests/lib/tap.sh
. tests/oci/toolkit.bash
[ "$(id -u)" = 0 ] || skip_all "needs root"
for device in /dev/kvm /dev/fuse /dev/net/tun; do [ -e $device ] || skip_all "needs $device"; done
runc=$(PATH=$PATH:/usr/sbin type -P runc) || skip_all "needs runc"
[ -n "${OCI_INSIDE:-}" ] || OCI_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc "$0"
work=$(mktemp -d /tmp/oci.XXXXXX)
mount -t tmpfs oci "$work"
export CTR_OCI_CONFIG=$work/oci.conf
run=$SRANDOM # containers' ids end in it: their cgroups are named after them, and everybody's
oci() { build/bin/ctr-jailer-oci --root "$work/root" --log "$work/log" --log-format json "$@"; }
parts=(build/bin build/firecracker build/initramfs.cpio)
toolkit "$work/waiting" build/faults/entry build/faults/waiting "${parts[@]}"
toolkit "$work/ending" build/faults/entry build/faults/vmlinux "${parts[@]}"
settings() { printf '%s\n' "OCI_TOOLKIT=$work/$1" "OCI_BASE=$runc" "OCI_STATE=$work/state" ROOTFS_SIZE=64M VM_LOG_LEVEL=info >"$CTR_OCI_CONFIG"; }
bundle() { # NAME FILTER: runc's own example, changed by jq
    mkdir -p "$work/$1/rootfs/dir"
    cp build/rootfs-static/* "$work/$1/rootfs"
    (cd "$work/$1" && "$runc" spec)
    jq '.process.terminal = false | .root.readonly = false | .process.args = ["/guest-static"] | .process.noNewPrivileges = false |
        .process.env += ["MEM_SIZE_MIB=64", "VCPU_COUNT=1"] | '"$2" "$work/$1/config.json" >"$work/$1/new"
    mv "$work/$1/new" "$work/$1/config.json"
}
create() { oci create --bundle "$work/$1" --pid-file "$work/$1/pid" "${@:2}" "$1$run" </dev/null >"$work/$1/out" 2>&1; }
status() { oci state "$1$run" | jq -r .status; }
ended() { [ "$(status "$1")" = stopped ]; }
vmm() { pgrep -x firecracker; }
listening() { [ -S "/proc/$(vmm)/root/run/v.sock_1024" ]; }
strings() { sed -zn "s/^$1=//p" "$work/strings" | tr '\0\n' '\n|'; }

settings waiting
mkdir "$work/shared" "$work/fixed"
echo one-file >"$work/file"
bundle told '.process.args = ["/guest-static", "a b", "", "x\ny", "\u00e9"] |
    .process.env += ["A=b  c\n", "E=", "HOME=/h", "VM_KERNEL_IMAGE=/evil", "CTR_X=y", "TERM=vt100"] |
    .process.cwd = "/dir" | .process.user = {uid: 1000, gid: 1001, additionalGids: [5, 6]} |
    .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1000, hard: 1010}, {type: "RLIMIT_CORE", soft: 0, hard: 0}] |
    .hostname = "box" | .root.readonly = true |
    .mounts |= map(if .destination == "/dev/shm" then .options += ["size=1m"] else . end) |
    .mounts += [{destination: "/rw", type: "bind", source: "'"$work"'/shared", options: ["rbind"]},
                {destination: "/ro", type: "bind", source: "'"$work"'/fixed", options: ["bind", "ro"]},
                {destination: "/etc/one", type: "bind", source: "'"$work"'/file", options: ["bind", "ro"]}]'
check "create" create told
is "state: created, with the pid of its process" "$(status told) $(oci state told$run | jq .pid)" "created $(<"$work/told/pid")"
is "nothing has been started" "$(pgrep -x firecracker || true)" ""
check "start" oci start told$run
check "the VM waits for its guest" wait_until 60 listening || note "$(<"$work/told/out")"
is "state: running" "$(status told)" running
capture python3 tests/faults/guest.py "/proc/$(vmm)/root/run/v.sock_1024" 2 "$work/strings"
like "the guest is told its settings" "$STDOUT" 'settings timely*'
is "arguments" "$(strings argument)" $'/guest-static\na b\n\nx|y\n\u00e9'
is "variables" "$(strings variable | sort)" "$(printf '%s\n' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    'A=b  c|' E= HOME=/h VM_KERNEL_IMAGE=/evil CTR_X=y TERM=vt100 | sort)"
is "user and groups" "$(strings user)" 1000:1001:5,6
is "working directory" "$(strings workdir)" /dir
is "--read-only" "$(grep -zc '^readonly=' "$work/strings")" 1
is "hostname" "$(strings hostname)" box
is "limits" "$(strings limit | grep -E '^(nofile|core)' | sort)" $'core=0:0\nnofile=1000:1010'
is "the size of /dev/shm" "$(strings shm)" 1048576
is "shares, each with a key" "$(strings share | sed -E 's/^[0-9]+/KEY/')" $'KEY:rw:/rw\nKEY:ro:/ro\nKEY:ro-file:/etc/one'
is "what it does not get is told" "$(grep warning "$work/told/out")" \
    'ctr-jailer-oci: warning: VM_KERNEL_IMAGE is not an option that a container may set: it is a variable of the command'

# The rights in the container, once the VM waits: no process has a capability but the keeper, who must clean up, and the
# servers of shares.
caps() { awk '/^CapEff/ {print $2}' "/proc/$1/status"; }
pid=$(<"$work/told/pid")
is "entry has no capability" "$(caps "$pid")" 0000000000000000
is "Firecracker has none" "$(caps "$(vmm)")" 0000000000000000
most=$((1 << 0 | 1 << 1 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 12 | 1 << 21 | 1 << 27)) # those of docs/security.md
over=''
mapfile -t processes < <(pgrep --ns "$pid" --nslist pid .)
check "there are entry, its keeper, the jail and servers" test ${#processes[@]} -gt 5
for process in "${processes[@]}"; do
    (((0x$(caps "$process") & ~most) == 0)) || over+="$process $(cat "/proc/$process/comm") $(caps "$process"); "
done
is "and none has one that README's line has not" "$over" ""
mounted() { awk -v place="$1" '$5 == place {sub(/,.*/, "", $6); print $6}' "/proc/$pid/mountinfo"; }
is "the toolkit is read-only, and so is the image's tree" "$(mounted /) $(mounted /usr/src/app/rootfs)" "ro ro"

check "kill" oci kill told$run TERM
check "state: stopped" wait_until 60 ended told
check "delete" oci delete told$run
capture oci state told$run
like "state: it is gone" "$STATUS $STDERR" '[1-9]*does not exist*'

# Ends by itself, and by force.
settings ending
bundle ends .
check "create one whose VM ends" create ends
oci start ends$run
check "it ends" wait_until 60 ended ends
like "and says why" "$(tail -n 1 "$work/ends/out")" 'ctr-jailer: the VM ended before the command did; its console says: (nothing)'
check "delete" oci delete ends$run
settings waiting
bundle forced .
create forced
oci start forced$run
wait_until 60 listening
check "delete --force, while it runs" oci delete --force forced$run
is "delete --force of what is not there" "$(oci delete --force forced$run 2>&1; echo $?)" 0
gone() { ! ps -e -o comm= | grep -qxE 'entry|entry-keeper|firecracker|jailer|share'; }
check "no process is left" wait_until 30 gone

# A terminal: the engine's end of it sets the size, before and after the start.
bundle tty '.process.terminal = true | .process.consoleSize = {height: 30, width: 100}'
python3 tests/oci/console.py "$work/console" >"$work/console.out" &
console=$!
wait_until 30 test -S "$work/console"
check "create, with --console-socket" create tty --console-socket "$work/console"
oci start tty$run
wait_until 60 listening || note "$(<"$work/tty/out")"
capture python3 tests/faults/guest.py "/proc/$(vmm)/root/run/v.sock_1024" 2 "$work/strings"
is "the guest's terminal has its size" "$(strings tty)" 30x100
oci delete --force tty$run
wait $console
bundle bad '.process.user.umask = 63'
capture oci create --bundle "$work/bad" "bad$run"
like "what is refused is in the log, too" "$STATUS $(tail -n 1 "$work/log" | jq -r .msg)" '125 config.json: process.user.umask: *'
is "nothing is left of any" "$(find "$work/state" -mindepth 2) $(find /sys/fs/cgroup -type d -name "*[a-z]$run")" " "
umount "$work"
rmdir "$work"
done_testing
