#!/bin/bash
# Bad input, and failures half-way: exit 125, one clear line, and nothing left behind.
#: kvm
#: disk build/e2e.disk
#: timeout 400
set -euo pipefail
. "$(dirname "$0")/vm.sh"
entry=$BIN/entry
work=$(mktemp -d /tmp/e2e.XXXXXX)
mkdir "$work/empty"
before=$(host_state)

# refused NAME PATTERN [variable...] [-- command...]: what it says must match
refused() {
    local name=$1 pattern=$2
    shift 2
    local variables=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        variables+=("$1")
        shift
    done
    shift || true
    capture vm "${variables[@]}" "$entry" "$@"
    like "refused: $name" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: $pattern"
    [[ $STDERR != *$'\n'* ]] || fail "refused: $name, in one line" "$STDERR"
}

for value in abc 0 -1 '4 ' 99999999999999999999; do
    refused "VCPU_COUNT=$value" "VCPU_COUNT=$value: must be a number from 1 to 32" "VCPU_COUNT=$value" -- /guest-static
done
refused "MEM_SIZE_MIB=1" "MEM_SIZE_MIB=1: must be a number from 64 to*" MEM_SIZE_MIB=1 -- /guest-static
refused "no tree" "VM_ROOTFS_DIR=/nonexistent: cannot open*No such file*COPY*" VM_ROOTFS_DIR=/nonexistent -- /guest-static
refused "an empty tree" "VM_ROOTFS_DIR=*: the root filesystem's tree is empty*" VM_ROOTFS_DIR="$work/empty" -- /guest-static
refused "no command" "no command: *CMD*" --
refused "an unknown flag" "unknown flag --nonsense: see --help*" -- --nonsense /guest-static
refused "no kernel" "VM_KERNEL_IMAGE=/nonexistent: No such file or directory" VM_KERNEL_IMAGE=/nonexistent -- /guest-static
refused "a kernel that is none" "VM_KERNEL_IMAGE=/etc/passwd: is not an ELF kernel*" VM_KERNEL_IMAGE=/etc/passwd -- /guest-static
refused "TAP_IP is no address" "TAP_IP=ten: must be*" TAP_IP=ten -- /guest-static
refused "TAP_IP without /30" "TAP_IP=10.1.2.1/24: must be*/30*" TAP_IP=10.1.2.1/24 -- /guest-static
refused "TAP_DEVICE that is in use" "*lo*" TAP_DEVICE=lo -- /guest-static
refused "HOST_IFACE that is not there" "*nonexistent0*" HOST_IFACE=nonexistent0 -- /guest-static

mv /dev/net/tun /dev/net/tun.away
refused "no /dev/net/tun" "cannot use /dev/net/tun: No such file*--device /dev/net/tun*" -- /guest-static
mv /dev/net/tun.away /dev/net/tun
mv /dev/kvm /dev/kvm.away
refused "no /dev/kvm" "KVM missing:*--check-kvm*" -- /guest-static
capture "$entry" --check-kvm
like "--check-kvm tells what is missing" "$STATUS/$STDOUT" "1/missing: *"
mv /dev/kvm.away /dev/kvm
capture "$entry" --check-kvm
like "--check-kvm tells that it works" "$STATUS/$STDOUT" "0/works: *"

# --- failures half-way, with all that was made before undone -----------------------------------------
mkdir "$work/sbin"
cp "$(type -P mke2fs)" "$work/sbin"
capture unshare -m bash -c 'mount --bind "$1" /usr/sbin; shift; exec "$@"' - "$work/sbin" \
    env -i "${VM_ENV[@]}" VM_ROOTFS_DIR="$VM_TREE" "$entry" /guest-static
like "refused: no iptables" "$STATUS/$STDERR" "125/ctr-jailer: *iptables*"
printf '\177ELF and no more' >"$work/vmlinux"
refused "Firecracker refuses the kernel, in its own words" "Firecracker refuses*kernel*" VM_KERNEL_IMAGE="$work/vmlinux" -- /guest-static
cp "$VM_TREE/guest-static" "$work/firecracker"
refused "a VMM that ends at once" "the jailer or Firecracker ended with status 2: guest-static: unknown verb*" \
    VM_FIRECRACKER_BIN="$work/firecracker" -- /guest-static
refused "no folder for the disks" "VM_SCRATCH_DIR=/nonexistent: No such file*" VM_SCRATCH_DIR=/nonexistent -- /guest-static
refused "a kernel that panics" "the guest's kernel panicked; its console says: Kernel panic*" \
    EXTRA_KERNEL_BOOT_ARGS=rdinit=/nonexistent -- /guest-static
refused "a guest that takes too long" "*VM_BOOT_TIMEOUT=1 *" VM_BOOT_TIMEOUT=1 -- /guest-static exit 0
is "nothing is left on the host" "$(diff <(echo "$before") <(host_state))" ""

# --- what needs no VM ----------------------------------------------------------------------------------
vm CTR_X=$'a"\n' "$entry" --dry-run -- /guest-static -c 'a "b"' >"$work/plan.json"
is "--dry-run prints JSON" "$(THE_PATH=PATH=$PATH jq -c '[.command, (.environment - [env.THE_PATH]), .vcpu_count, .kvm]' "$work/plan.json")" \
    '[["/guest-static","-c","a \"b\""],["X=a\"\n"],1,"works"]'
is "--dry-run touches nothing" "$(diff <(echo "$before") <(host_state))" ""
rm -rf "$work"
done_testing
