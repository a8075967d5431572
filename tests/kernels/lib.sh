# shellcheck shell=bash
# Boots of a guest kernel in Firecracker with tests/kernels/probe as its init: for the suites here.
# Disks, initramfs and programs are made by mk/kernels.mk.  Needs root and a /dev/kvm that works.
KT=build/kernels

# The command lines that kernels/README.md recommends: x86_64, arm64.
mapfile -t args < <(sed -n 's/^    \(console=ttyS0 .*\)/\1/p' kernels/README.md)
BOOT_ARGS=${args[0]}
# shellcheck disable=SC2034 # arm64.t's
ARM64_BOOT_ARGS=${args[1]% rdinit=*}

# boot KERNEL INITRD [args...]: runs one guest (CPUS and MEM_MIB from the environment) in a folder of its
# own and prints its console, then watch's line.  args go to the probe.
boot() {
    local kernel=$1 initrd=$2 folder status=0
    shift 2
    folder=$(mktemp -d)
    cp "$KT/data.ext4" "$folder/"
    ip link show ctrprobe >/dev/null 2>&1 || ip tuntap add ctrprobe mode tap
    cat >"$folder/config.json" <<EOF
{"boot-source": {"kernel_image_path": "$kernel", "initrd_path": "$initrd", "boot_args": "$BOOT_ARGS -- $*"},
 "machine-config": {"vcpu_count": ${CPUS:-1}, "mem_size_mib": ${MEM_MIB:-128}},
 "drives": [
  {"drive_id": "root", "path_on_host": "$KT/root.erofs", "is_root_device": false, "is_read_only": true},
  {"drive_id": "data", "path_on_host": "$folder/data.ext4", "is_root_device": false, "is_read_only": false}],
 "network-interfaces": [{"iface_id": "eth0", "host_dev_name": "ctrprobe"}],
 "vsock": {"guest_cid": 3, "uds_path": "$folder/vsock"},
 "balloon": {"amount_mib": 0, "deflate_on_oom": true},
 "entropy": {}}
EOF
    "$KT/watch" "${BOOT_SECONDS:-60}" build/firecracker/firecracker --no-api --config-file "$folder/config.json" |
        tr -d '\r' || status=$?
    rm -rf "$folder"
    return "$status"
}

# figure NAME: of NAME=number in the boot's output on stdin, the number
figure() { sed -n "s/.*\\b$1=\\([0-9]*\\).*/\\1/p" | tail -n 1; }

median() { sort -n | awk '{v[NR] = $1} END {if (NR) print v[int((NR + 1) / 2)]}'; }
