#!/bin/bash
# What ctr-jailer's caller may have set for itself: any umask, SIGCHLD ignored, and a small stack.  Entry, jailer and Firecracker are the
# real ones; the kernel is a few bytes that end the VM.
#: timeout 120
set -euo pipefail
. tests/faults/host.bash
store_host
build/bin/rootdisk write "$work/tree" "$work/image"
cp build/faults/vmlinux "$work/vmlinux"
cd "$work"
ctr=(env -i "${small_vm[@]}" PATH="$work/bin:$PATH" VM_NETWORK=none VM_LOG_LEVEL=error VM_INITRD_IMAGE="$top/build/initramfs.cpio"
    VM_FIRECRACKER_BIN="$top/build/firecracker/firecracker" VM_JAILER_BIN="$top/build/firecracker/jailer")
ended="125 ctr-jailer: the VM ended before the command did; its console says: (nothing)"

for mask in 0777 0077 0; do
    umask $mask
    (
        "${ctr[@]}" ctr-jailer kernel add vmlinux "kernel$mask"
        "${ctr[@]}" ctr-jailer image add image "app$mask"
        "${ctr[@]}" env -u VM_ROOTFS_DIR -u VM_KERNEL_IMAGE ctr-jailer run --kernel "kernel$mask" -v "$work/tree:/rw:rw" -v "$work/tree:/ro:ro" \
            "app$mask" /guest-static </dev/null
    ) >said 2>&1 && STATUS=0 || STATUS=$?
    umask 022
    is "umask $mask: a VM from the store starts, as far as the kernel" "$STATUS $(tail -n 1 said)" "$ended"
    is "... and nothing is anybody's who should not have it" "$(find /run/ctr-jailer /var/lib/ctr-jailer jails scratch -perm /022 ! -type l)" ""
    rm -rf /run/ctr-jailer /var/lib/ctr-jailer
done

trap '' CHLD
capture "${ctr[@]}" ctr-jailer purge
is "SIGCHLD ignored: purge waits for its child" "$STATUS/$STDERR" 0/
capture "${ctr[@]}" ctr-jailer image import nothing.tar app
is "... and import for its own" "$STATUS/$STDERR" "125/ctr-jailer: cannot open nothing.tar: No such file or directory"
trap - CHLD

small() { # SOFT:HARD PROGRAM...
    capture prlimit --stack="$1" -- "${@:2}" </dev/null
}
kernel=VM_KERNEL_IMAGE=$top/build/faults/vmlinux
small 65536: "${ctr[@]}" "$kernel" "$top/build/faults/entry" /guest-static
is "a stack of 64 KiB, which may be raised: a VM starts" "$STATUS $STDERR" "$ended"
weak=(setpriv --bounding-set -sys_resource --inh-caps -sys_resource)
for program in entry ctr-jailer netsetup; do
    small 65536:65536 "${weak[@]}" "${ctr[@]}" "$kernel" "$top/build/bin/$program" run
    is "one that may not: $program says so in one line" "$STATUS $STDERR" \
        "125 $([ $program = netsetup ] && echo netsetup || echo ctr-jailer): the stack's hard limit is 64 KiB, and ctr-jailer needs 1024: raise it (ulimit -Hs 8192, docker run --ulimit stack=8388608)"
done
done_testing
