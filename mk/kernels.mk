# Our guest kernels; kernels/README.md tells what they are.  kernels/cached leaves a kernel alone that has
# the id of its config, source version and compiler, so asking again costs a second.

.PHONY: kernel-x86_64 kernel-arm64 kernel-check always
kernel-x86_64: $(MICROVM_x86_64)
kernel-arm64: $(MICROVM_arm64)

$(MICROVM_x86_64): always | $(if $(RUN_STAMP),$(SETUP_STAMP) $(RUN_STAMP) $(B)/.packages-kernel)
	@kernels/cached x86_64 $(@D)
$(MICROVM_arm64): always | $(if $(RUN_STAMP),$(SETUP_STAMP) $(RUN_STAMP) $(B)/.packages-kernel $(B)/.packages-arm64)
	@kernels/cached arm64 $(@D)

# make kernel-check KERNEL=PATH: what a kernel (or a kernel's config) lacks, by name.
KERNEL ?= $(GUEST_KERNEL)
kernel-check: $(if $(findstring $(B)/,$(KERNEL)),$(KERNEL))
	@kernels/check $(KERNEL)

# The initramfs for it: init alone.
$(B)/initramfs-microvm.cpio: mk/mkinitramfs guest-init/modules.list $(B)/bin/init $(MICROVM_x86_64)
	@mk/mkinitramfs $@ $(B)/bin/init $(B)/kernel-microvm-x86_64/modules guest-init/modules.list

# --- tests: a guest whose init measures and tries its kernel (tests/kernels/probe.c) ---------------
KT := $(B)/kernels
KERNEL_TESTS := $(KT)/probe $(KT)/watch $(KT)/root.erofs $(KT)/data.ext4 $(KT)/probe-cloud-amd64.cpio \
  $(B)/firecracker/firecracker
INSTRUCTIONS := $(KT)/standin $(KT)/watch $(KT)/static.erofs $(KT)/data.ext4 $(B)/initramfs-microvm.cpio
test-files: $(KERNEL_TESTS) $(if $(MICROVM_TESTED),$(KT)/probe-microvm-x86_64.cpio $(INSTRUCTIONS))

$(KT)/probe: tests/kernels/probe.c
$(KT)/standin: tests/kernels/standin.c guest-init/modules.c $(COMMON)
$(KT)/probe $(KT)/standin: | $(TEST_STAMP)
	@mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(CPPFLAGS) $(KERNEL_HEADERS) $(CFLAGS) -fno-pie -static -s -o $@ $(filter %.c,$^)
$(KT)/watch: tests/kernels/watch.c | $(TEST_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fno-pie -static -o $@ $<
$(KT)/probe-%.cpio: mk/mkinitramfs guest-init/modules.list $(KT)/probe $(B)/kernel-%/vmlinux
	@mk/mkinitramfs $@ $(KT)/probe $(B)/kernel-$*/modules guest-init/modules.list
$(KT)/root.erofs: mk/kernels.mk | $(TEST_STAMP)
	@rm -rf $(KT)/root && mkdir -p $(KT)/root/d && : >$(KT)/root/f
	@setfattr -n user.probe -v 1 $(KT)/root/f && setfacl -m u:1000:r $(KT)/root/f
	@mkfs.erofs --quiet -x1 $@ $(KT)/root >/dev/null
$(KT)/static.erofs: $(B)/rootfs-static.stamp
	@mkdir -p $(@D)
	@mkfs.erofs --quiet $@ $(B)/rootfs-static >/dev/null
$(KT)/data.ext4: mk/kernels.mk | $(TEST_STAMP)
	@mkdir -p $(@D) && rm -f $@ && truncate -s 32M $@ && mke2fs -qF $@

# make bench-kernels: time from entry's start to the command's and memory, with our kernel and with Debian's, in
# turns on one host, which needs ours in the disk of the end-to-end suites; and init's part of it in instructions.
.PHONY: bench-kernels
bench-kernels: $(MICROVM_x86_64) $(INSTRUCTIONS) $(B)/firecracker/firecracker
	@$(MAKE) -s programs $(B)/e2e.disk
	@tests/kernels/instructions.t
	@TESTHOST_ENV='ROUNDS MEM_MIB' TESTHOST_FLAGS='-t 1800 -d $(B)/e2e.disk' tests/testhost/kvm-host tests/bench/boot
