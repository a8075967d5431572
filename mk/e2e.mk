# What end-to-end suites start VMs from, as a disk for the emulated KVM host: over 9p, scanning a tree and
# reading a kernel would take longer than the rest of a test.
E2E_FILES := $(B)/bin/entry $(B)/bin/ctr-jailer $(GUEST_KERNEL) $(B)/initramfs.cpio $(B)/firecracker/firecracker
$(B)/e2e.disk: $(E2E_FILES) $(B)/rootfs-debian.stamp $(B)/rootfs-systemd.stamp $(B)/rootfs-static.stamp
	$(call say,making the disk of the end-to-end suites)
	@rm -rf $(B)/e2e && mkdir -p $(B)/e2e/bin
	@cp $(E2E_FILES) $(B)/firecracker/jailer $(B)/e2e/bin
	@cp -al $(B)/rootfs-debian $(B)/rootfs-systemd $(B)/rootfs-static $(B)/e2e
	@rm -f $@ && mke2fs -q -t ext4 -O ^has_journal -d $(B)/e2e $@ 1G && rm -rf $(B)/e2e

test: $(B)/e2e.disk
