#!/bin/bash
# Init systems as the command: Debian's systemd, and busybox' init, each as PID 1.
#: kvm
#: kernels both
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry ctr=$BIN/ctr-jailer
work=$(mktemp -d /tmp/e2e.XXXXXX)
before=$(host_state)

finish() { # waits for $job: STATUS
    STATUS=0
    wait "$job" || STATUS=$?
}

# --- systemd ---------------------------------------------------------------------------------------------
VM_TREE=$TREES/rootfs-apps
# The tree has no udev, so systemd would wait 90 s for word of the console (dev-ttyS0.device) to start a getty on it.
vm MEM_SIZE_MIB=512 VM_LOG_LEVEL=debug EXTRA_KERNEL_BOOT_ARGS="printk.devkmsg=on systemd.getty_auto=no" "$entry" /sbin/init >"$work/out" 2>"$work/err" &
job=$!
check "systemd has started" wait_until 100 "$ctr" status --healthy
answers() { "$ctr" exec test -S /run/systemd/private; }
check "it answers" wait_until 200 answers
state=$(timeout 200 "$ctr" exec systemctl is-system-running --wait) || true
is "and boots to the end, no unit failed" "$state" running
if [ "$state" != running ]; then # what it hangs on, for whoever reads this
    note "$(timeout 60 "$ctr" exec -- sh -c 'cd /proc/1 && cat wchan syscall stack status; ls -l fd; ps -ef
        timeout 20 systemctl list-jobs; timeout 20 systemctl --failed' 2>&1)" "$(tail -n 60 "$work/err")"
fi
is "which is multi-user" "$("$ctr" exec systemctl is-active default.target multi-user.target | tr '\n' ' ')" "active active "
is "it is PID 1, also for an exec; /run is a tmpfs, /etc/hosts the guest's" \
    "$("$ctr" exec -- sh -c 'cat /proc/1/comm; readlink /proc/1/exe; findmnt -no FSTYPE /run; grep -c "$(hostname)" /etc/hosts')" \
    $'systemd\n/usr/lib/systemd/systemd\ntmpfs\n1'
capture "$ctr" exec -- sh -c 'exit 7'
is "exec has its exit code" "$STATUS" 7
is "an orphan of an exec is systemd's" \
    "$("$ctr" exec -- sh -c '(sleep 300 & echo $! >/run/orphan); grep PPid "/proc/$(cat /run/orphan)/status"')" $'PPid:\t1'
"$ctr" exec -- systemd-run -q --unit=kept -p RemainAfterExit=yes \
    -p 'ExecStop=/bin/sh -c "echo \"<1>unit was stopped\" >/dev/kmsg"' true
started=$SECONDS
check "stop" "$ctr" stop -t 100
finish
is "exit code 0" "$STATUS" 0
check "its units were stopped" grep -q "console: .*unit was stopped" "$work/err"
note "it took $((SECONDS - started)) s to shut down"

# --- busybox' init, which kills all but itself, and ends by reboot(2) ------------------------------------
VM_TREE=$work/tree
mkdir -p "$VM_TREE"/{bin,sbin,etc,dev,proc,sys,usr}
cp /bin/busybox "$VM_TREE/bin"
for applet in sh poweroff reboot sleep echo cat mount; do ln -s busybox "$VM_TREE/bin/$applet"; done
ln -s ../bin/busybox "$VM_TREE/sbin/init"
printf '%s\n' '::sysinit:/bin/echo up' '::respawn:/bin/sleep 1000' '::shutdown:/bin/echo down' \
    'console::once:/bin/echo to the console' >"$VM_TREE/etc/inittab"
for command in /sbin/init init; do
    is "what is planned for $command" "$(vm PATH=/sbin:/bin "$entry" --dry-run $command | jq -c '[.init_system, .stop_signal]')" '["busybox",12]'
done
cat >"$work/shell" <<SHELL
exec env -i ${VM_ENV[*]@Q} VM_ROOTFS_DIR=$VM_TREE $entry /sbin/init
SHELL
script -qec "sh $work/shell" /dev/null </dev/null >"$work/out" 2>&1 &
job=$!
check "a terminal is its console" wait_until 100 grep -q "to the console" "$work/out"
check "stop" "$ctr" stop -t 60
finish
is "exit code 0" "$STATUS" 0
check "after its shutdown actions" grep -q '^down' "$work/out"
end() { # NAME CODE COMMAND...: what the VM's end is like after a command
    local name=$1 code=$2
    shift 2
    vm PATH=/sbin:/bin "$entry" init >"$work/out" 2>"$work/err" &
    job=$!
    check "busybox' init is up" wait_until 100 grep -q up "$work/out"
    "$@" || true
    finish
    is "$name" "$STATUS/$(tail -n 1 "$work/out")" "$code/down"
}
end "poweroff from inside: 0" 0 "$ctr" exec poweroff
end "reboot from inside: 129, for the restart policy to see" 129 "$ctr" exec reboot

# --- a command that only wants to be PID 1 ----------------------------------------------------------------
VM_TREE=$TREES/rootfs-debian
mkdir -p /jail/data
mount -t tmpfs data /jail/data
capture vm VM_INIT=yes DATAFS_SIZE=64M "$entry" /bin/bash -c \
    'echo "I am $$"; mount /dev/vdb /mnt && cd /mnt && echo kept >f; (sleep 100 &); exit 5'
is "VM_INIT=yes: PID 1, its exit code" "$STATUS/$STDOUT/$STDERR" "5/I am 1/"
is "what it had mounted is unmounted" "$(dumpe2fs -h /jail/data/data.ext4 2>/dev/null | grep -c needs_recovery)/$(
    debugfs -R 'cat f' /jail/data/data.ext4 2>/dev/null)" "0/kept"
umount /jail/data
rmdir /jail/data /jail
capture vm VM_INIT=yes "$entry" /nonexistent
is "and not found as ever" "$STATUS/$STDERR" "127/ctr-jailer: cannot run '/nonexistent' in the guest: No such file or directory"
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
