# The arm64 side, cross-built by the same rules as everything else into build/arm64, with Debian's cross
# compiler; its libraries and headers, and musl for the guest's init, come from arm64 packages, unpacked.
# The tests run what was built under qemu-user, and guests of it in QEMU's virt machine.
APT_arm64 := $(B)/apt-arm64/apt.conf
$(APT_arm64): mk/apt-for | $(if $(SETUP_STAMP),$(B)/.packages-arm64)
	@mk/apt-for arm64 $(@D)

SYSROOT_arm64 := $(B)/sysroot-arm64
$(SYSROOT_arm64)/log: mk/fetch-sysroot mk/arm64.mk | $(APT_arm64)
	$(call say,fetching libraries for arm64)
	@APT_CONFIG=$(CURDIR)/$(APT_arm64) mk/fetch-sysroot $(@D) libc6-dev libfuse3-dev \
	  libmnl-dev libjsmn-dev libcmocka-dev

# ASan does not work under qemu-user; what UBSan finds is a trap there, which needs no library.
CROSS_arm64 := B=$(B)/arm64 ARCH=aarch64 SETUP=no SYSROOT=$(CURDIR)/$(SYSROOT_arm64) \
  CC='aarch64-linux-gnu-gcc --sysroot=$(CURDIR)/$(SYSROOT_arm64)' MUSL_CC=$(CURDIR)/mk/aarch64-musl-gcc \
  SANITIZE='-fsanitize=undefined -fsanitize-undefined-trap-on-error'

.PHONY: arm64 unit
arm64: $(SYSROOT_arm64)/log
	@SYSROOT=$(CURDIR)/$(SYSROOT_arm64) $(MAKE) -s $(CROSS_arm64) programs unit
unit: $(UNIT)
$(B)/arm64/bin/init: arm64
	@:

# Debian's kernel for guests: an Image, by the name that the runtime image has for both.
$(B)/kernel-cloud-arm64/vmlinux: mk/unpack-kernel mk/extract-vmlinux | $(APT_arm64)
	$(call say,fetching and unpacking Debian kernel linux-image-cloud-arm64)
	@APT_CONFIG=$(CURDIR)/$(APT_arm64) mk/unpack-kernel linux-image-cloud-arm64 $(@D)

# --- tests: guests in QEMU, where tests/kernels/standin plays entry ----------------------------------
AK := $(B)/arm64/kernels
AARCH64_MUSL := SYSROOT=$(SYSROOT_arm64) mk/aarch64-musl-gcc -std=gnu11 -O2 $(WARNINGS) $(CPPFLAGS) \
  -idirafter $(SYSROOT_arm64)/usr/include -idirafter $(SYSROOT_arm64)/usr/include/aarch64-linux-gnu
$(AK)/probe: tests/kernels/probe.c $(SYSROOT_arm64)/log
	@mkdir -p $(@D)
	@$(AARCH64_MUSL) -s -o $@ $<
$(AK)/standin: tests/kernels/standin.c guest-init/modules.c $(COMMON) $(SYSROOT_arm64)/log
	@mkdir -p $(@D)
	@$(AARCH64_MUSL) -s -o $@ $(filter %.c,$^)
$(AK)/static.erofs: tests/e2e/guest-static.c $(SYSROOT_arm64)/log
	@mkdir -p $(AK)/static
	@$(AARCH64_MUSL) -s -o $(AK)/static/guest-static $<
	@mkfs.erofs --quiet $@ $(AK)/static >/dev/null

# QEMU has no vsock device without vhost: the kernel's loopback takes the connections to the host.
$(AK)/modules.list: guest-init/modules.list
	@mkdir -p $(@D) && sed 's/^vmw_vsock_virtio_transport$$/vsock_loopback/' $< >$@
$(AK)/debian.cpio: mk/mkinitramfs $(AK)/modules.list $(B)/arm64/bin/init $(B)/kernel-cloud-arm64/vmlinux
	@mk/mkinitramfs $@ $(B)/arm64/bin/init $(B)/kernel-cloud-arm64/modules $(AK)/modules.list
$(AK)/microvm.cpio: mk/mkinitramfs guest-init/modules.list $(B)/arm64/bin/init $(MICROVM_arm64)
	@mk/mkinitramfs $@ $(B)/arm64/bin/init $(B)/kernel-microvm-arm64/modules guest-init/modules.list
$(AK)/probe.cpio: mk/mkinitramfs guest-init/modules.list $(AK)/probe $(MICROVM_arm64)
	@mk/mkinitramfs $@ $(AK)/probe $(B)/kernel-microvm-arm64/modules guest-init/modules.list

# entry as the only process of a machine, with its libraries
$(AK)/entry.cpio: tests/kernels/entry-cpio arm64
	@tests/kernels/entry-cpio $(B)/arm64/bin/entry $(SYSROOT_arm64) $@

test-files: arm64 $(AK)/standin $(AK)/static.erofs $(AK)/debian.cpio $(AK)/entry.cpio \
  $(if $(wildcard $(MICROVM_arm64)),$(AK)/probe.cpio $(AK)/microvm.cpio)
