# `make image [IMAGE_KERNEL=microvm]`: the runtime image, ctr-jailer:latest, by the Docker engine that is running.
# IMAGE_KERNEL is the Dockerfile's KERNEL: ours, a package linux-image-*, or a path.
DOCKER ?= docker
IMAGE_KERNEL ?= microvm
image: $(B)/firecracker/firecracker $(if $(filter microvm,$(IMAGE_KERNEL)),$(MICROVM_x86_64))
	$(DOCKER) build -t ctr-jailer --build-arg KERNEL=$(IMAGE_KERNEL) $(DOCKER_BUILD_FLAGS) .
