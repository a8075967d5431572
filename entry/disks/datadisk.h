/* A disk that a directory of the user's keeps (VM_DATA_DIR, :disk of VM_VOLUMES): data.ext4 in it, made once, locked
 * while a VM uses it, grown if a larger size is given. */
#ifndef CTR_DATADISK_H
#define CTR_DATADISK_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct datadisk_plan {
    const char *option; /* that names dir, for messages */
    const char *dir;
    uint64_t size;       /* bytes that it is to have; 0: as it is, */
    uint64_t fresh_size; /* and this when it is made */
    bool mounted; /* it must be a filesystem that the guest can mount; else its content is the guest's business */
    uid_t uid;    /* who is to use it */
    gid_t gid;
};

/* Opens the data disk, and makes, checks and grows it if necessary.  Sets *fd, which holds the disk's lock and is the
 * caller's even on failure, and path, a buffer of len bytes.  -1 with err. */
int datadisk_open(const struct datadisk_plan *plan, char *path, size_t len, int *fd, struct err *err);

#endif
