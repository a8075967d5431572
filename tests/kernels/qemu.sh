# shellcheck shell=bash
# Boots of a guest kernel in QEMU without acceleration, behind lib.sh: for machines that Firecracker cannot be had for.
# There is no vsock device, so tests/kernels/standin plays entry in the guest; the kernel's loopback takes guest-init's
# connections to the host when the driver for that device is not there.
# shellcheck disable=SC2034 # the suites'
STANDIN_ARGS='initcall_blacklist=virtio_vsock_init rdinit=/sbin/standin'

# qemu ARCH SECONDS KERNEL INITRD BOOT-ARGS [args...]: a machine's console, then watch's line
qemu() {
    "$KT/watch" "$2" "qemu-system-$1" -nodefaults -no-user-config -display none -no-reboot -serial stdio -smp 1 \
        -global virtio-mmio.force-legacy=false -kernel "$3" -initrd "$4" -append "$5" "${@:6}" 2>&1 </dev/null |
        tr -d '\r' | tr '\0' '\n' || true
}

# devices FOLDER ROOT DISK...: DEVICES, QEMU's arguments for virtio-mmio devices as Firecracker has them.  vda is ROOT,
# vdb and vdc ext4, new files in FOLDER; the DISKs are these three in the order in which the machine wants them.
devices() {
    local disk
    cp "$2" "$1/vda"
    cp "$KT/data.ext4" "$1/vdb"
    cp "$KT/data.ext4" "$1/vdc"
    DEVICES=(-netdev "user,id=n" -device "virtio-net-device,netdev=n" -device virtio-rng-device
        -device virtio-balloon-device)
    for disk in "${@:3}"; do
        DEVICES+=(-drive "if=none,id=$disk,format=raw,file=$1/$disk" -device "virtio-blk-device,drive=$disk")
    done
}

# own_segment STANDIN COMMAND [ARG...]: on stdout, a second initramfs segment with standin as /sbin/standin, and with the
# settings that it gives to init, GUEST_ENV among them.
own_segment() {
    local folder arguments=("${@:2}")
    folder=$(mktemp -d)
    mkdir -p "$folder"/{sbin,var}
    cp "$1" "$folder/sbin/standin"
    # the addresses are those of QEMU's user network, whose gateway's MAC is 52:55 and its IPv4 address (libslirp)
    printf '%s\0' rootfs=erofs hostname=standin-guest address=10.0.2.15/24 gateway=10.0.2.2 \
        gateway_mac=52:55:0a:00:02:02 $'resolv=nameserver 10.0.2.3\n' \
        "${arguments[@]/#/argument=}" "${GUEST_ENV[@]/#/variable=}" >"$folder/var/settings"
    (cd "$folder" && printf '%s\n' sbin/standin var var/settings | cpio -o -H newc --quiet)
    rm -rf "$folder"
}

# standin_says VERB: of standin's line `standin VERB ...`, the rest
standin_says() { sed -n "s/^standin $1 //p"; }
