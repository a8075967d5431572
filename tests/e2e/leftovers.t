#!/bin/bash
# What killed VMs leave on disk goes with the next start, whatever its id; what lives or is somebody else's stays.
#: kvm
#: disk build/e2e.disk
#: timeout 400
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry
work=$(mktemp -d /tmp/e2e.XXXXXX)
mkdir "$work/scratch"
jails=/srv/jailer/firecracker scratch=$work/scratch
left() { (cd / && find srv/jailer "$scratch" -mindepth 1 2>/dev/null | sort); }
start() { # LOG [NAME=value...]: a VM that waits; VM is its job
    vm VM_SCRATCH_DIR="$scratch" "${@:2}" "$entry" /guest-static wait >"$1" 2>&1 &
    VM=$!
    check "a VM has started" wait_until 100 grep -q ready "$1"
    [ "$(<"$1")" = ready ] || note "$(<"$1")"
}
kill_vm() { # PID: with its keeper, as a container's end would
    local pid
    pid=$(pgrep -P "$1" -x entry || echo "$1")
    kill -KILL "$(pgrep -P "$pid" -x entry-keeper)" "$pid"
    wait "$1" 2>/dev/null || true
}
run() { vm VM_SCRATCH_DIR="$scratch" "$entry" /guest-static exit 0; }

start "$work/one"
dead=$VM
check "it has a folder" compgen -G "$jails/*"
kill_vm $dead
like "killed, it leaves a folder with a random name" "$(ls "$jails")" '????????????'
start "$work/two" VM_ID=live
live=$VM
is "the next start removes that, and has its own" "$(ls "$jails")" live
check "a third one, beside a live one" run
is "leaves the live one's" "$(left)" $'srv/jailer/firecracker\nsrv/jailer/firecracker/live'

# As a host's end leaves it, and what others have in these places.
uid=$((0x70000001))
mkdir "$jails/rebooted" "$jails/theirs" "$jails/held"
mkdir "$jails/theirs/root"
: >"$scratch/ctr-jailer-rebooted.scratch" # killed before it could hand the file over
for file in rebooted.data held.data notes.txt; do echo data >"$scratch/ctr-jailer-$file"; done
chown $uid "$scratch/ctr-jailer-rebooted.data" "$scratch/ctr-jailer-held.data"
ln -s /etc/passwd "$scratch/ctr-jailer-link.data"
mkfifo "$scratch/ctr-jailer-fifo.data"
chown -h $uid "$scratch"/ctr-jailer-{link,fifo}.data
exec 8<"$jails/held" 9<"$scratch/ctr-jailer-held.data"
flock 8
flock 9
check "a start" run
is "dead VMs' folders and files are gone, and nobody else's" "$(left)" "$scratch/ctr-jailer-fifo.data
$scratch/ctr-jailer-held.data
$scratch/ctr-jailer-link.data
$scratch/ctr-jailer-notes.txt
srv/jailer/firecracker
srv/jailer/firecracker/held
srv/jailer/firecracker/live
srv/jailer/firecracker/theirs
srv/jailer/firecracker/theirs/root"
capture env -i unshare -n env "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" VM_SCRATCH_DIR="$scratch" VM_ID=live VM_NETWORK=none "$entry" /guest-static exit 0
like "another network namespace's VM of the same id, with the same /run, is refused" "$STATUS/$STDERR" "125/*VM_ID=live: a VM with that id is running"
exec 8>&- 9>&-
rm -r "$jails/theirs"
kill -TERM "$(pgrep -P $live -x entry || echo $live)"
wait $live || true
check "a start" run
is "in the end nothing but theirs" "$(left)" "$scratch/ctr-jailer-fifo.data
$scratch/ctr-jailer-link.data
$scratch/ctr-jailer-notes.txt"

# A filesystem without O_TMPFILE, where disks have names while they are filled.
if [ -n "${RESULTS:-}" ]; then
    note "$(findmnt -no FSTYPE -T "$RESULTS")"
    scratch=$(mktemp -d -p "$RESULTS")
    check "a start where files cannot be nameless" run
    is "leaves nothing either" "$(left)" ""
fi
rm -rf "$work"
done_testing
