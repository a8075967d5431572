/* How large a VM's disks are when nobody says it.
 *
 * Their files are sparse: they take what is written to them, and may grow to their size.  So what is free is not what
 * can be promised.  That is what is free, less what the disks of living VMs may still grow by, less 1 GiB (or a
 * twentieth of a smaller filesystem) that stays the host's.  A disk without a size gets a quarter of it: VM after VM
 * gets less, all of them together less than there is, and none can fill the host's filesystem or take what another was
 * promised.
 *
 * The disks of living VMs are found in /proc, as files that entry and Firecracker have open, wherever they lie.  Those
 * of VMs in other containers are not seen, unless these share the PID namespace: there, sizes have to be said. */
#ifndef CTR_SPACE_H
#define CTR_SPACE_H

#include <stdint.h>

struct space_disk {
    const char *option; /* that says its size, for warnings */
    const char *dir;    /* where its file is or will be */
    uint64_t *size;     /* bytes; 0: it gets some here, in whole MiB */
    uint64_t allocated; /* bytes that its file has already */
};

/* Sets the sizes that are 0, and warns of those that are more than there is room for. */
void space_share(const struct space_disk *disks, unsigned count);

#endif
