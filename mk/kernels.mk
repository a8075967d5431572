# Our guest kernels; kernels/README.md tells what they are.  kernels/build leaves a kernel alone that has
# the id of its config, source version and compiler, so asking again costs a second.
MICROVM_x86_64 := $(B)/kernel-microvm-x86_64/vmlinux
MICROVM_arm64 := $(B)/kernel-microvm-arm64/Image

.PHONY: kernel-x86_64 kernel-arm64 kernel-check always
kernel-x86_64: $(MICROVM_x86_64)
kernel-arm64: $(MICROVM_arm64)

$(MICROVM_x86_64): always | $(if $(SETUP_STAMP),$(B)/.packages-kernel)
	@kernels/build x86_64 $(@D)
$(MICROVM_arm64): always | $(if $(SETUP_STAMP),$(B)/.packages-kernel $(B)/.packages-arm64)
	@kernels/build arm64 $(@D)

# make kernel-check KERNEL=PATH: what a kernel (or a kernel's config) lacks, by name.
KERNEL ?= $(GUEST_KERNEL)
kernel-check: $(if $(findstring $(B)/,$(KERNEL)),$(KERNEL))
	@kernels/check $(KERNEL)
