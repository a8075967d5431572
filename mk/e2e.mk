# What end-to-end suites start VMs from, as a disk for the emulated KVM host: over 9p, scanning a tree and
# reading a kernel would take longer than the rest of a test.
E2E_FILES := $(B)/bin/entry $(B)/bin/ctr-jailer $(B)/bin/rootdisk $(B)/bin/share $(B)/initramfs.cpio $(B)/firecracker/firecracker
E2E_KERNELS := $(B)/kernel-cloud-amd64/vmlinux $(MICROVM_TESTED)
$(B)/e2e.disk: $(E2E_FILES) $(E2E_KERNELS) $(B)/rootfs-debian.stamp $(B)/rootfs-apps.stamp $(B)/rootfs-static.stamp
	$(call say,making the disk of the end-to-end suites)
	@rm -rf $(B)/e2e && mkdir -p $(B)/e2e/bin
	@cp $(E2E_FILES) $(B)/firecracker/jailer $(B)/e2e/bin
	@for kernel in $(E2E_KERNELS:$(B)/%=%); do install -D -m 644 $(B)/$$kernel $(B)/e2e/$$kernel; done
	@cp -al $(B)/rootfs-debian $(B)/rootfs-apps $(B)/rootfs-static $(B)/e2e
	@rm -f $@ && mke2fs -q -t ext4 -O ^has_journal -d $(B)/e2e $@ 1G && rm -rf $(B)/e2e

# What a host gets by make install (tests/e2e/imported.t).
$(B)/installed: $(PROGRAMS:%=$(B)/bin/%) $(B)/bin/init mk/install.mk
	@rm -rf $@ && $(MAKE) install DESTDIR=$(abspath $@) PREFIX=/usr && touch $@

test-files: $(B)/e2e.disk $(B)/installed

# 1 GiB through the guest channel in each direction; VOLUME= MiB.
.PHONY: bench-channel
bench-channel: programs $(VM) $(B)/e2e.disk
	@TESTHOST_ENV=VOLUME TESTHOST_FLAGS='-t 1800 -d $(B)/e2e.disk' tests/testhost/kvm-host tests/bench/channel
