/* The VM's place on the host while it runs: a mount namespace of our own and in it a tmpfs at BASE/EXEC/ID, the
 * directory in which the jailer makes its chroot `root`.  Every mount and file in there ends with the processes that
 * use it, also when they are killed. */
#ifndef CTR_WORKDIR_H
#define CTR_WORKDIR_H

#include "common/err.h"
#include "entry/host/lockdir.h"

#include <stdint.h>

struct workdir_plan {
    const char *base; /* made when missing */
    const char *exec; /* base name of the Firecracker binary: the jailer puts it into the path */
    const char *id;
};

/* Fills in *w, a LOCKDIR_NONE, after removing the folders of VMs that are dead.  Leaves the caller in the new
 * namespace, in which mounts made on the host still arrive.  -1 with err; nothing is left then. */
int workdir_make(const struct workdir_plan *plan, struct lockdir *w, struct err *err);

/* Makes the tmpfs read-only, in the jail too: the jailer gives its user directories in which nothing is made once the
 * VM runs.  Disks, sockets and devices stay writable.  -1 with err. */
int workdir_seal(const struct lockdir *w, struct err *err);

/* Unmounts, and removes the folders that were made unless another VM uses them.  Takes a struct lockdir. */
void workdir_remove(void *w);

#endif
