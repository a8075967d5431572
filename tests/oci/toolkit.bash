# shellcheck shell=bash
# toolkit FOLDER ENTRY KERNEL PROGRAMS FIRECRACKER INITRAMFS: the tree that a container of ctr-jailer-oci has outside of
# its VM, as the runtime image has it: our programs, Firecracker, and what they need of this machine.
toolkit() {
    local top=$1 entry=$2 kernel=$3 programs=$4 firecracker=$5 initramfs=$6 file
    mkdir -p "$top"/{usr/bin,usr/lib/ctr-jailer,usr/src/app/rootfs,proc,dev,sys,run,tmp,srv,var/tmp,etc,jail/data}
    ln -s usr/{bin,sbin,lib,lib64} "$top"
    mkdir -p "$top"/usr/{sbin,lib64}
    : >"$top/etc/hosts" && : >"$top/etc/hostname" && : >"$top/etc/resolv.conf"
    cp "$entry" "$top/usr/bin/entry"
    cp "$programs/ctr-jailer" "$top/usr/bin/ctr-jailer"
    cp "$programs/share" "$top/usr/lib/ctr-jailer/share"
    cp "$firecracker"/{firecracker,jailer} "$top/usr/lib/ctr-jailer/"
    cp "$kernel" "$top/usr/lib/ctr-jailer/vmlinux"
    cp "$initramfs" "$top/usr/lib/ctr-jailer/initramfs.cpio"
    chmod 644 "$top"/usr/lib/ctr-jailer/{vmlinux,initramfs.cpio}
    for file in mke2fs e2fsck resize2fs; do cp "$(PATH=$PATH:/sbin:/usr/sbin type -P $file)" "$top/usr/sbin/"; done
    ldd "$top"/usr/{bin/entry,bin/ctr-jailer,lib/ctr-jailer/share,sbin/*} | grep -o '/[^ ]*' | grep -v ':$' | sort -u |
        while read -r file; do
            mkdir -p "$top/$(dirname "$file")"
            cp -L "$file" "$top$file"
        done
}
