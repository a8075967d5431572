# `make image [IMAGE_KERNEL=microvm] [IMAGE_ARCH=arm64]`: the runtime image, ctr-jailer:latest, by the Docker engine
# that is running, which is asked before anything is fetched or compiled.  IMAGE_KERNEL is the Dockerfile's KERNEL: ours, a package linux-image-*, or a path.  IMAGE_ARCH
# other than this machine's is built in emulation, which takes qemu-user-static and binfmt-support; only our kernel
# is cross-compiled.
DOCKER ?= docker
IMAGE_KERNEL ?= microvm
NATIVE := $(patsubst aarch64,arm64,$(shell uname -m))
IMAGE_ARCH ?= $(NATIVE)
IMAGE_PARTS := $(if $(filter x86_64,$(IMAGE_ARCH)),$(B)/firecracker/firecracker) \
  $(if $(filter microvm,$(IMAGE_KERNEL)),$(MICROVM_$(IMAGE_ARCH)))
image: $(if $(filter docker,$(DOCKER)),$(B)/.packages-image)
	@$(DOCKER) version >$(B)/engine.log 2>&1 || { tail -n 1 $(B)/engine.log >&2; \
	  echo "make image: no engine answers to $(DOCKER): start one, or name another with DOCKER=" >&2; exit 1; }
	$(if $(strip $(IMAGE_PARTS)),@$(MAKE) $(IMAGE_PARTS))
	$(DOCKER) build -t ctr-jailer --build-arg KERNEL=$(IMAGE_KERNEL) \
	  $(if $(filter-out $(NATIVE),$(IMAGE_ARCH)),--platform linux/$(IMAGE_ARCH:x86_64=amd64)) $(DOCKER_BUILD_FLAGS) .
