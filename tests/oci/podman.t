#!/bin/bash
# `podman run --runtime`, with crun as the base: the engine and the base that tests/oci/docker.t does not have.
#: engine
#: kvm
#: disk build/e2e.disk
#: timeout 600
set -euo pipefail
. tests/e2e/vm.sh
. tests/oci/toolkit.bash
work=$(mktemp -d /tmp/e2e.XXXXXX)
undo() {
    engine rm -af -t 0
    umount "$work/data"
    rm -rf "$work"
} >/dev/null 2>&1
trap undo EXIT
mkdir "$work/data" "$work/tree"
mount -t tmpfs data "$work/data"
mkdir "$work/data/run"
toolkit "$work/data/toolkit" "$BIN/entry" "$KERNEL" "$BIN" "$FIRECRACKER" "$INITRD"
cp build/bin/ctr-jailer-oci "$work/data/"
crun=$(type -P crun)
printf '%s\n' "OCI_TOOLKIT=$work/data/toolkit" "OCI_STATE=$work/data/state" "OCI_BASE=$crun" MEM_SIZE_MIB=128 VCPU_COUNT=1 \
    ROOTFS_SIZE=64M VM_BOOT_TIMEOUT=300 >"$work/oci.conf"
# conmon hands no environment on
printf '#!/bin/sh\nCTR_OCI_CONFIG=%s exec %s "$@"\n' "$work/oci.conf" "$work/data/ctr-jailer-oci" >"$work/runtime"
chmod +x "$work/runtime"
mkdir -p "$work/tree"/{bin,etc,srv/app}
cp "$(type -P busybox)" "$work/tree/bin/busybox"
for name in sh id pwd hostname cat sleep; do ln -s busybox "$work/tree/bin/$name"; done
echo 'root:x:0:0::/:/bin/sh' >"$work/tree/etc/passwd"
engine() {
    podman --root "$work/data/root" --runroot "$work/data/run" --storage-driver vfs --cgroup-manager cgroupfs --events-backend file \
        --runtime "$work/runtime" "$@"
}
check 'an image' eval 'tar -C "$work/tree" -c . | engine import - plain'
echo 'one file' >"$work/file"
# shellcheck disable=SC2016 # for the shell inside
capture engine run --rm --network none -u 1000:1001 --group-add 10 -w /srv/app -h box -e 'A=b  "c"' -v "$work/file:/etc/one:ro" plain \
    sh -c 'id -u; id -g; pwd; hostname; echo "$A"; cat /etc/one; echo error >&2; exit 7'
is 'podman run: exit code, user, directory, hostname, a variable and a mount' "$STATUS $STDOUT" $'7 1000\n1001\n/srv/app\nbox\nb  "c"\none file'
like 'stderr' "$STDERR" '*error*'
check 'podman run -d' engine run -d --name one --network none plain sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 1 & wait; done'
ready() { engine logs one 2>&1 | grep -qx ready; }
check 'podman logs' wait_until 200 ready
capture engine exec -u 5:6 -w /etc one sh -c 'id -u; pwd; exit 3'
is 'podman exec' "$STATUS $STDOUT" $'3 5\n/etc'
engine stop -t 120 one >/dev/null
is "podman stop: the command's exit code" "$(engine inspect -f '{{.State.ExitCode}}' one)" 9
engine rm one >/dev/null
capture engine run --rm --network none --tmpfs /x plain sh
like 'what is refused is told' "$STATUS $STDERR" '12[5-7] *mount /x: a tmpfs is not supported yet*'
is 'no folder of a container is left' "$(find "$work/data/state" -mindepth 2)" ''
is 'and no process' "$(ps -e -o comm= | grep -xE 'entry|entry-keeper|firecracker|jailer|share' || true)" ''
done_testing
