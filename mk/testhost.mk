# The emulated KVM host (tests/testhost): Debian's generic kernel, and an initrd of its modules and busybox,
# in two segments.  The empty /init is what busybox' switch_root knows an initramfs by.
TESTHOST := $(B)/testhost/initrd.cpio
$(TESTHOST): tests/testhost/init tests/testhost/modules.list mk/mkinitramfs $(B)/kernel-amd64/vmlinux | $(if $(RUN_STAMP),$(B)/.packages-emulate)
	$(call say,building the initrd of the emulated KVM host)
	@mkdir -p $(@D)/extra/bin && cp /bin/busybox $(@D)/extra/bin/ && : >$(@D)/extra/init
	@mk/mkinitramfs $@.new tests/testhost/init $(B)/kernel-amd64/modules tests/testhost/modules.list
	@cd $(@D)/extra && printf '%s\n' bin bin/busybox init | cpio -o -H newc --quiet >>$(abspath $@).new
	@mv $@.new $@
