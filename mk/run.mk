# `make run [ROOTFS=dir] [CMD='...']` and the two sample root filesystems.
ROOTFS ?= $(B)/rootfs-debian
CMD ?=

# Everything that starting a VM takes, once the programs are there.
VM := $(B)/initramfs.cpio $(GUEST_KERNEL) $(B)/firecracker/firecracker

run: programs $(VM) $(if $(filter $(B)/rootfs-debian,$(ROOTFS)),$(B)/rootfs-debian.stamp)
	@ROOTFS=$(call quote,$(ROOTFS)) CMD=$(call quote,$(CMD)) mk/run

quote = '$(subst ','\'',$(1))'

# The stamps lie beside the trees: what is in a tree shows up in the guest.
$(B)/rootfs-debian.stamp: mk/mkdebian | $(RUN_STAMP)
	$(call say,making a minimal Debian root filesystem by debootstrap (about a minute))
	@mk/mkdebian $(B)/rootfs-debian vim-tiny less
	@touch $@

# The same with programs as people run them in containers, and such as need much of a kernel; of the latter none
# starts by itself.
$(B)/rootfs-apps.stamp: mk/mkdebian mk/rootfs-apps.packages tests/e2e/guest-uring.c tests/e2e/guest-tc.bpf.c | $(TEST_STAMP)
	$(call say,making a Debian root filesystem with some servers by debootstrap (about a minute))
	@mk/mkdebian $(B)/rootfs-apps $$(sed 's/#.*//' mk/rootfs-apps.packages)
	@rm -rf $(B)/rootfs-apps/usr/share/{doc,man,locale}/*
	@rm -f $(B)/rootfs-apps/etc/systemd/system/*.wants/{docker,containerd,nftables}.*
	@mkdir -p $(B)/rootfs-apps/usr/lib/e2e
	@$(MUSL_TEST) -o $(B)/rootfs-apps/usr/lib/e2e/uring tests/e2e/guest-uring.c
	@$(CLANG) -target bpf -O2 -I/usr/include/$(ARCH)-linux-gnu -c -o $(B)/rootfs-apps/usr/lib/e2e/tc.bpf.o tests/e2e/guest-tc.bpf.c
	@touch $@

MUSL_TEST := $(MUSL_CC) -std=gnu11 -O2 $(WARNINGS) $(CPPFLAGS) $(KERNEL_HEADERS) -static -s
$(B)/rootfs-static.stamp: tests/e2e/guest-static.c tests/e2e/guest-hostile.c tests/streams/flow.c tests/streams/pattern.h $(COMMON) | $(TEST_STAMP)
	$(call say,making a root filesystem of three static programs)
	@rm -rf $(B)/rootfs-static && mkdir -p $(B)/rootfs-static
	@$(MUSL_TEST) -o $(B)/rootfs-static/guest-static $<
	@$(MUSL_TEST) -o $(B)/rootfs-static/guest-hostile tests/e2e/guest-hostile.c common/proto.c common/buf.c
	@$(MUSL_TEST) -o $(B)/rootfs-static/flow tests/streams/flow.c
	@touch $@
