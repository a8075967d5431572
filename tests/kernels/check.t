#!/bin/bash
# make kernel-check, and the check that the fragments' options survive: on configs made here, on Debian's
# kernel, and on ours where it is built.
set -euo pipefail
. tests/lib/tap.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export MODULES_LIST=$folder/modules.list
printf '%s\n' '# what init loads' virtio_mmio 'virtio_blk  # disks' virtio_net vmw_vsock_virtio_transport overlay erofs ext4 \
    >"$MODULES_LIST"

# A config that has everything built in; needed's alternatives: the first.
{
    echo CONFIG_X86_64=y
    sed 's/#.*//' kernels/needed | awk 'NF && $1 !~ /@arm64/ {split($2, o, "|"); print "CONFIG_" o[1] "=y"}' | sort -u
} >"$folder/full"
without() { grep -v "^CONFIG_$1=" "$folder/full"; } # OPTION [line to add]

capture kernels/check --all "$folder/full"
is 'a full config lacks nothing' "$STATUS" 0
like 'and is told what it is good for' "$STDOUT" '*x86_64*has all for: boot * docker *'

without EROFS_FS_XATTR >"$folder/config-a"
capture kernels/check "$folder/config-a"
is 'an option that booting needs: status 1' "$STATUS" 1
like 'and its name' "$STDOUT" '*will not boot:*CONFIG_EROFS_FS_XATTR is off*'

{ without VIRTIO_BLK; echo CONFIG_VIRTIO_BLK=m; } >"$folder/config-b"
capture kernels/check "$folder/config-b"
is 'a module that the initramfs carries counts' "$STATUS" 0
sed -i /^virtio_blk/d "$MODULES_LIST"
capture kernels/check "$folder/config-b"
like 'one that it does not carry is named' "$STATUS $STDOUT" '1 *CONFIG_VIRTIO_BLK is a module (virtio_blk) that the initramfs does not carry*'

{ without TUN; echo '# CONFIG_TUN is not set'; } >"$folder/config-c"
capture kernels/check "$folder/config-c"
like 'a thing that booting does not need is named only' "$STATUS $STDOUT" $'0 *without tun:\n    CONFIG_TUN is off*'
capture kernels/check --all "$folder/config-c"
is 'but fails with --all' "$STATUS" 1

without AUTOFS_FS >"$folder/config-d"
echo CONFIG_AUTOFS4_FS=y >>"$folder/config-d"
capture kernels/check --all "$folder/config-d"
is 'one of two alternatives is enough' "$STATUS" 0

# A kernel image with its config inside: the marks, and bytes around them, as kernel/configs.c lays them.
image() { # CONFIG
    printf '\177ELF\0\0\0IKCFG_ED\0'
    printf IKCFG_ST
    gzip -nc "$1"
    printf 'IKCFG_ED\0\0more'
}
image "$folder/full" >"$folder/vmlinux"
capture kernels/check --all "$folder/vmlinux"
is 'the config inside of a kernel image' "$STATUS" 0
image "$folder/config-a" >"$folder/vmlinux-a"
capture kernels/check "$folder/vmlinux-a"
like 'and what it lacks' "$STATUS $STDOUT" '1 *CONFIG_EROFS_FS_XATTR is off*'

mkdir "$folder/bare"
head -c 100000 /dev/zero >"$folder/bare/vmlinux"
capture kernels/check "$folder/bare/vmlinux"
like 'a kernel without a config' "$STATUS $STDERR" '2 *carries no config*'
cp "$folder/config-c" "$folder/bare/config"
capture kernels/check "$folder/bare/vmlinux"
like 'a config beside the kernel is taken' "$STATUS $STDOUT" '0 *CONFIG_TUN is off*'
capture kernels/check "$folder/nowhere"
like 'no such file' "$STATUS $STDERR" '2 *no such file*'

unset MODULES_LIST
debian=build/kernel-cloud-amd64/vmlinux
if [ -s "$debian" ]; then
    capture kernels/check "$debian"
    like 'the Debian kernel boots, with the modules of the initramfs' "$STATUS $STDOUT" '0 *has all for: boot*'
else
    skip 'the Debian kernel boots, with the modules of the initramfs' 'it is not unpacked here'
fi
for ours in build/kernel-microvm-x86_64/vmlinux build/kernel-microvm-arm64/Image; do
    name="our kernel has everything: $(basename "$(dirname "$ours")")"
    if [ -s "$ours" ]; then check "$name" kernels/check --all "$ours"; else skip "$name" 'it is not built here'; fi
done

# --- what the build asks for, and what it gets ----------------------------------------------------
printf '%s\n' '# why' CONFIG_A=y 'CONFIG_B="text with spaces"' '# CONFIG_C is not set' CONFIG_D=32 >"$folder/asked"
printf '%s\n' CONFIG_A=y 'CONFIG_B="text with spaces"' CONFIG_D=32 CONFIG_E=y >"$folder/got"
check 'options that survived' kernels/survived "$folder/asked" "$folder/got"
printf '%s\n' '# CONFIG_A is not set' CONFIG_C=y CONFIG_D=16 >"$folder/lost"
capture kernels/survived "$folder/asked" "$folder/lost"
is 'options that did not: status' "$STATUS" 1
is 'each by name, with what it became' "$STDERR" "kernels: CONFIG_A=y did not survive: it is n in the result
kernels: CONFIG_B=\"text with spaces\" did not survive: it is n in the result
kernels: CONFIG_C=n did not survive: it is y in the result
kernels: CONFIG_D=32 did not survive: it is 16 in the result"
printf '%s\n' CONFIG_A=y CONFIG_A=y >"$folder/twice"
capture kernels/survived "$folder/twice" "$folder/got"
like 'an option that is asked for twice' "$STATUS $STDERR" '1 *CONFIG_A is asked for twice*'
capture kernels/survived /dev/null "$folder/got"
is 'nothing asked for is a mistake' "$STATUS" 1

# Every group of a fragment opens with a comment that says why.
for fragment in kernels/*.config; do
    bare=$(awk -v RS= '!/^#/ {print}' "$fragment")
    is "every group of $fragment has a reason" "$bare" ''
done
done_testing
