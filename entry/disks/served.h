/* A tree served as a disk image by a separate process (rootdisk/), so that neither a hanging source nor that process's
 * death brings down the VM or its supervision. */
#ifndef CTR_SERVED_H
#define CTR_SERVED_H

#include "common/err.h"

#include <sys/types.h>

struct rootdisk;

struct served {
    char mountpoint[4096]; /* "": nothing is mounted */
    int pid_fd;            /* of the serving process: readable when it has ended */
};
#define SERVED_NONE                                                                                                    \
    {                                                                                                                  \
        .pid_fd = -1                                                                                                   \
    }

/* Serves the scanned tree, which this takes, as MOUNTPOINT/image for uid alone; fuse_fd is rootdisk_mount's, and taken
 * too.  The process runs as the user server, which may read every file and no more.  *s is a SERVED_NONE.  Returns once
 * the file can be opened.  -1 with err; call served_stop then too. */
int served_start(struct served *s, struct rootdisk *tree, const char *mountpoint, int fuse_fd, uid_t uid, gid_t gid,
                 uid_t server, struct err *err);

/* Ends the process, and the mount. */
void served_stop(struct served *s);

#endif
