/* A bundle's mounts: the engine's own become those of the container outside of the VM; what the user mounts becomes
 * shares, bound below /run in there and named by VM_VOLUMES. */
#ifndef CTR_OCI_MOUNTS_H
#define CTR_OCI_MOUNTS_H

#include "oci/walk.h"

struct mounts_plan {
    const char *root;    /* the image's tree, absolute */
    const char *scratch; /* a directory of this container on a disk */
};

/* Writes the member mounts, and appends the value of VM_VOLUMES to volumes, as the content of a JSON string.  -1 with
 * the walk's err. */
int mounts_write(struct walk *w, int mounts, const struct mounts_plan *plan, struct buf *volumes);

#endif
