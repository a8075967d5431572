#!/bin/bash
#: timeout 900
# The arm64 guest, cross-built, in QEMU's virt machine without acceleration: with Debian's kernel, and with
# ours where it is built, a command from an EROFS root under an overlay and its exit code; what our kernel
# promises; and entry's probe of KVM.  There is no Firecracker for arm64 here and no vsock device:
# tests/kernels/standin plays entry.
set -euo pipefail
. tests/lib/tap.sh
. tests/kernels/lib.sh
. tests/kernels/qemu.sh
arm=build/arm64/kernels ours=build/kernel-microvm-arm64/Image debian=build/kernel-cloud-arm64/vmlinux
command -v qemu-system-aarch64 >/dev/null || skip_all 'there is no qemu-system-aarch64'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# machine KERNEL INITRD BOOT-ARGS [qemu args...]: its console
machine() {
    qemu aarch64 200 "$1" "$2" "${ARM64_BOOT_ARGS/ttyS0/ttyAMA0} $3" -cpu max,pauth-impdef=on -m 256 "${@:4}"
}

# guest KERNEL INITRD BOOT-ARGS ROOT: the last disk given is found first.
guest() {
    devices "$folder" "$4" vdc vdb vda
    machine "$1" "$2" "$3" -M virt,gic-version=3 "${DEVICES[@]}"
}

# run KERNEL INITRD COMMAND [ARG...]: the console of a guest in which guest-init runs it.
GUEST_ENV=(GREETING='hello there')
run() {
    { cat "$2" && own_segment "$arm/standin" "${@:3}"; } >"$folder/initrd"
    guest "$1" "$folder/initrd" "$STANDIN_ARGS" "$arm/static.erofs"
}

commands() { # NAME KERNEL INITRD
    local name=$1 console
    shift
    console=$(run "$@" /guest-static exit 255)
    is "$name: a command's exit code" "$(standin_says exited <<<"$console")" 255
    note "init's own part: $(standin_says started <<<"$console") ms"
    console=$(run "$@" /guest-static kill 9)
    is "$name: death by a signal" "$(standin_says exited <<<"$console")" 137
    console=$(run "$@" /guest-static env)
    # two connections: either may come first
    like "$name: the environment, and the output" "$console" $'*\nGREETING=hello there\n*'
    is "$name: exit code 0" "$(standin_says exited <<<"$console")" 0
    console=$(run "$@" /guest-static cat /etc/hostname)
    like "$name: a file that init has put over the root" "$console" '*standin-guest*'
    is "$name: the VM ends by itself, with status 0" "$(figure status <<<"$console")" 0
    console=$(run "$@" /not-there)
    like "$name: a command that does not exist" "$console" '*standin failed 127: *'
}

commands "Debian's kernel" "$debian" "$arm/debian.cpio"

# entry is the only process: when it ends, the kernel panics, and tells the status.
for machine in "KVM works/virtualization=on/works: *exitcode=0x00000000" \
    "no KVM/virtualization=off/missing: *exitcode=0x00000100"; do
    IFS=/ read -r name option wanted <<<"$machine"
    console=$(machine "$debian" "$arm/entry.cpio" 'rdinit=/entry -- --check-kvm' -M "virt,gic-version=3,$option")
    like "entry --check-kvm: $name" "$console" "*$wanted*"
done

if [ ! -s "$ours" ]; then
    skip "our kernel" 'it is not built here (make kernel-arm64)'
    done_testing
    exit 0
fi
commands 'our kernel' "$ours" "$arm/microvm.cpio"
console=$(guest "$ours" "$arm/probe.cpio" 'rdinit=/sbin/init -- features' "$KT/root.erofs")
tried=0
while read -r line; do
    name=$(sed 's/^\(not \)*ok //; s/:.*//' <<<"$line")
    case $line in
    'not ok vsock'* | 'not ok ptp'*) skip "$name" 'QEMU has no such device' ;;
    'ok '*) pass "$name" ;;
    'not ok '*) fail "$name" "$line" ;;
    *) continue ;;
    esac
    tried=$((tried + 1))
done <<<"$console"
if [ "$tried" -ge 39 ]; then pass 'the probe came to its end'; else fail 'the probe came to its end' "$console"; fi
done_testing
