/* The sizes of a VM's disks if the user gives none.
 *
 * Disk files are sparse: they take the space of the data written, and may grow to their size.  Free space can therefore
 * not be promised as a whole.  The promisable space is the free space, less the possible growth of live VMs' disks,
 * less 1 GiB (or a twentieth of a smaller filesystem) that stays the host's.  A disk without a size gets a quarter of
 * it.  Each further VM gets less, all of them together get less than there is, and none can fill the host's filesystem
 * or take space that another was promised.
 *
 * The disks of living VMs are found in /proc, as files that entry and Firecracker have open, wherever they lie.  Disks
 * of VMs in other containers are visible only if the containers share the PID namespace; otherwise, users have to give
 * sizes. */
#ifndef CTR_SPACE_H
#define CTR_SPACE_H

#include <stdint.h>

enum { SPACE_DISKS_MAX = 16 };

struct space_disk {
    const char *option; /* that says its size, for warnings */
    const char *dir;    /* where its file is or will be */
    uint64_t *size;     /* bytes; 0: it gets some here, in whole MiB */
    uint64_t allocated; /* bytes that its file has already */
};

/* Sets the sizes that are 0, and warns of sizes for which there is not enough room.  At most SPACE_DISKS_MAX disks. */
void space_share(const struct space_disk *disks, unsigned count);

#endif
