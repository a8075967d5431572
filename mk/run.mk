# `make run [ROOTFS=dir] [CMD='...']` and the two sample root filesystems.
ROOTFS ?= $(B)/rootfs-debian
CMD ?=

# Everything that starting a VM takes, once the programs are there.
VM := $(B)/initramfs.cpio $(GUEST_KERNEL) $(B)/firecracker/firecracker

run: programs $(VM) $(if $(filter $(B)/rootfs-debian,$(ROOTFS)),$(B)/rootfs-debian.stamp)
	@ROOTFS=$(call quote,$(ROOTFS)) CMD=$(call quote,$(CMD)) mk/run

quote = '$(subst ','\'',$(1))'

# The stamps lie beside the trees: what is in a tree shows up in the guest.
$(B)/rootfs-debian.stamp: mk/mkdebian | $(SETUP_STAMP)
	$(call say,making a minimal Debian root filesystem by debootstrap (about a minute))
	@mk/mkdebian $(B)/rootfs-debian
	@touch $@

# The same with systemd as its /sbin/init.
$(B)/rootfs-systemd.stamp: mk/mkdebian | $(SETUP_STAMP)
	$(call say,making a Debian root filesystem with systemd by debootstrap (about a minute))
	@mk/mkdebian $(B)/rootfs-systemd systemd-sysv dbus
	@rm -rf $(B)/rootfs-systemd/usr/share/{doc,man,locale}/*
	@touch $@

$(B)/rootfs-static.stamp: tests/e2e/guest-static.c | $(SETUP_STAMP)
	$(call say,making a root filesystem of one static program)
	@rm -rf $(B)/rootfs-static && mkdir -p $(B)/rootfs-static
	@$(MUSL_CC) -std=gnu11 -O2 $(WARNINGS) -D_GNU_SOURCE -static -s -o $(B)/rootfs-static/guest-static $<
	@touch $@
