# shellcheck shell=bash
# For the end-to-end suites: how entry is called here, and what the host looks like before and after.
# shellcheck source=../lib/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"

# The programs, trees and kernels: from build/, or in the emulated KVM host from a disk of the same.
BUILD=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build
BIN=$BUILD/bin TREES=$BUILD FIRECRACKER=$BUILD/firecracker INITRD=$BUILD/initramfs.cpio
if [ -n "${TESTHOST:-}" ]; then
    TREES=/run/e2e
    mkdir "$TREES"
    mount -o ro /dev/vda "$TREES"
    BIN=$TREES/bin FIRECRACKER=$BIN INITRD=$BIN/initramfs.cpio
fi
# Our kernel where it is built; Debian's otherwise, and for the suites that tests/run runs again with it.
KERNEL=$TREES/kernel-microvm-x86_64/vmlinux
[ "${E2E_KERNEL:-microvm}" = microvm ] && [ -e "$KERNEL" ] || KERNEL=$TREES/kernel-cloud-amd64/vmlinux
VM_TREE=$TREES/rootfs-static
VM_ENV=(
    "PATH=$PATH" "VM_KERNEL_IMAGE=$KERNEL" "VM_INITRD_IMAGE=$INITRD" "VM_FIRECRACKER_BIN=$FIRECRACKER/firecracker"
    "VM_JAILER_BIN=$FIRECRACKER/jailer" "MEM_SIZE_MIB=256" "VCPU_COUNT=1" "VM_BOOT_TIMEOUT=100" "VM_LOG_LEVEL=error"
)

# vm [NAME=value...] [--flag...] [-- command args...]: entry with a clean environment and these variables
vm() { env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" "$@"; }

# When a test has failed: what the running VMs are at, and what entry said of those in the background.
circumstances() {
    local dir id
    for dir in /run/ctr-jailer/*/; do
        [ -e "$dir/state.json" ] || continue
        id=$(basename "$dir")
        echo "VM $id: $(timeout 5 "$BIN/ctr-jailer" --id "$id" status | xargs)"
        timeout 5 "$BIN/ctr-jailer" --id "$id" logs --raw | tail -n 12
    done
    tail -qn 3 /tmp/e2e.*/err* 2>/dev/null || true
    dmesg | grep -E 'TSC rate|unstable' || true # guests' timers then go wrong (tests/testhost/init)
}

# What a VM could leave behind: links, addresses, routes, rules, mounts, files, processes, and this
# namespace's abstract sockets; and in the kernel's log the system calls that a filter has refused.  The empty tables
# that iptables makes at its first use do not count.
host_state() {
    # without the carrier's state, the multicast route that comes with it, and whether an address is still being tried:
    # all these follow the link a moment later
    ip -o link | sed 's/^[0-9]*: //; s/NO-CARRIER,//; s/,LOWER_UP//; s/,M-DOWN//; s/ state [A-Z]* / /'
    ip -o addr | sed 's/^[0-9]*: //; s/ tentative//; s/ valid_lft.*//'
    ip route show table all | sed '/^multicast ff00::\/8 dev /d; s/ linkdown//'
    { iptables-save; ip6tables-save; } | grep -E '^(-|:)' | sed 's/\[.*\]//' | grep -vE '^:[A-Z]+ ACCEPT' || true
    sed 's/^[0-9]* [0-9]* //' /proc/self/mountinfo
    { find /srv /jail -xdev; find /var/tmp /tmp /run -maxdepth 1 -name 'ctr-jailer*'; } 2>/dev/null | sort
    grep -ao '@ctr-jailer[^ ]*' /proc/net/unix | sort || true
    dmesg | sed -n 's/.* type=1326 .* \(comm="[^"]*"\) .*\(sig=[0-9]*\) .* \(syscall=[0-9]*\) .*/\1 \2 \3/p'
    ps -e -o comm= | grep -xE 'entry|entry-keeper|jailer|firecracker|mke2fs' || true
}
