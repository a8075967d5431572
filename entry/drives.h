/* The VM's disks, in their fixed order: vda root, vdb data, vdc scratch (what the guest writes to its root,
 * when that is EROFS). */
#ifndef CTR_DRIVES_H
#define CTR_DRIVES_H

#include "common/err.h"
#include "entry/served.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum rootfs_format { ROOTFS_EROFS, ROOTFS_EXT4 };

struct drives_plan {
    const char *id; /* of the VM: names files */
    const char *rootfs_dir;
    enum rootfs_format rootfs_format;
    uint64_t rootfs_size; /* bytes; 0: what scratch_dir has free */
    const char *data_dir;
    bool data_persistent;
    uint64_t datafs_size; /* bytes; 0: what the folder has free */
    const char *scratch_dir;
    uid_t uid; /* who must be able to use them */
    gid_t gid;
};

enum { DRIVES_MAX = 3 };

struct drive {
    const char *name; /* "root", "data", "scratch" */
    char path[4096];  /* where its file is now */
    bool unlink;      /* path goes once the jail holds the file */
    bool read_only;
    int fd; /* keeps the file, and its lock */
};

struct drives {
    struct drive drive[DRIVES_MAX];
    unsigned count;
    struct served root; /* the root disk's server, when it has one; pid_fd is -1 otherwise */
    char mount[4096];   /* where its file appears; "": nowhere */
};
#define DRIVES_NONE                                                                                                    \
    {                                                                                                                  \
        .root = {.pid = -1, .pid_fd = -1 }                                                                             \
    }

/* Makes or checks the disks, into *d, a DRIVES_NONE.  dir is a folder in our own mount namespace, for the
 * served root disk.  -1 with err; drives_remove is wanted then too. */
int drives_make(const struct drives_plan *plan, const char *dir, struct drives *d, struct err *err);

/* Firecracker has the files open by now: the names that were only for it go.  (Not before: 9p opens by name.) */
void drives_unlink(struct drives *d);

/* Takes a struct drives.  Data that is to stay, stays. */
void drives_remove(void *d);

#endif
