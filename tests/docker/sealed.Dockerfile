# The user's image again (tests/docker/user), its tree sealed when the image is built.
FROM debian:bookworm-slim AS my-rootfs
COPY start.sh /

FROM ctr-jailer AS sealed
COPY --from=my-rootfs / /rootfs
RUN rootdisk write /rootfs /rootfs.img

FROM ctr-jailer AS runtime
COPY --from=sealed /rootfs.img /usr/src/app/rootfs
CMD /start.sh
