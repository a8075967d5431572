# The runtime image: `FROM ctr-jailer`, a root filesystem in /usr/src/app/rootfs and a CMD, and the
# container is a microVM.  `make image` builds it; any Docker or balena engine can, for x86_64 and arm64: every stage
# is of the architecture that is built, and asks uname.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS tools
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      busybox-static ca-certificates cpio curl gcc kmod libc6-dev libfuse3-dev libjsmn-dev libmnl-dev \
      linux-libc-dev lz4 make musl-tools python3-minimal xz-utils zstd
WORKDIR /src

# The guest's kernel.  --build-arg KERNEL=microvm is ours, from build/ or compiled here, which takes minutes;
# KERNEL=linux-image-cloud-amd64 is that Debian package's; KERNEL=kernels/vmlinux is a file in the build context.
FROM tools AS kernel
ARG KERNEL=microvm
COPY kernels kernels
COPY guest-init/modules.list guest-init/
COPY mk/unpack-kernel mk/extract-vmlinux mk/packages-kernel mk/
COPY Dockerfile buil[d] build/
RUN kernels/choose ${KERNEL} /kernel

# Firecracker: the official release, for the architecture that is built; or what is in build/firecracker, for a
# build without internet.  Another version than those of mk/firecracker-*.sha256 takes the checksum of its tarball.
# The Dockerfile stands in this COPY because a pattern may match nothing, but not all of them.
FROM tools AS firecracker
ARG FIRECRACKER=1.12.1
ARG FIRECRACKER_SHA256=
COPY Dockerfile mk/get-firecracker mk/firecracker-${FIRECRACKER}-*.sha256 buil[d]/firecracke[r]/* /fc/
RUN bash /fc/get-firecracker "${FIRECRACKER}" /fc "${FIRECRACKER_SHA256}"

FROM tools AS programs
COPY . .
COPY --from=kernel /kernel/modules.list /kernel/
COPY --from=kernel /kernel/modules /kernel/modules
RUN make -j"$(nproc)" SETUP=no programs && \
    mk/mkinitramfs /initramfs.cpio build/bin/init /kernel/modules /kernel/modules.list /bin/busybox && \
    strip build/bin/entry build/bin/ctr-jailer build/bin/rootdisk build/bin/share build/bin/ctr-jailer-oci

FROM ${BASE}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      e2fsprogs iproute2 iptables libfuse3-3 libmnl0 && \
    apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
      /var/lib/dpkg/*-old /usr/share/doc /usr/share/man
COPY --from=firecracker /fc/firecracker /fc/jailer /usr/lib/ctr-jailer/
COPY --from=kernel /kernel/vmlinux /usr/lib/ctr-jailer/
COPY --from=programs /initramfs.cpio /usr/lib/ctr-jailer/
COPY --from=programs /src/build/bin/entry /src/build/bin/ctr-jailer /src/build/bin/rootdisk \
     /src/build/bin/ctr-jailer-oci /usr/bin/
COPY --from=programs /src/build/bin/share /usr/lib/ctr-jailer/
# OCI's annotations; a release says which one it is.
ARG VERSION=dev
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="ctr-jailer" \
      org.opencontainers.image.description="Runs a container's root filesystem as a Firecracker microVM" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
# CMD is the user's: it is what runs in the guest.
ENTRYPOINT ["/usr/bin/entry"]
