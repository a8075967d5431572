# `make image`: the runtime image, ctr-jailer:latest, by the Docker engine that is running.
DOCKER ?= docker
image: $(B)/firecracker/firecracker
	$(DOCKER) build -t ctr-jailer $(DOCKER_BUILD_FLAGS) .
