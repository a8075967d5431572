/* A tree served as a disk image by a separate process (rootdisk/), so that neither a hanging source nor that process's
 * death brings down the VM or its supervision.  The process scans the tree itself, so entry does other things
 * meanwhile, and never has the tree in its memory. */
#ifndef CTR_SERVED_H
#define CTR_SERVED_H

#include "common/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct served {
    char mountpoint[4096]; /* "": nothing is mounted */
    int pid_fd;            /* of the serving process: readable when it has ended */
    int ready;             /* where the process says that it is ready, or why not; -1: it has said so */
};
#define SERVED_NONE                                                                                                    \
    {                                                                                                                  \
        .pid_fd = -1, .ready = -1                                                                                      \
    }

struct served_plan {
    char tree[4096]; /* a directory; "": there is none */
    bool cross_mounts;
    uid_t uid; /* who may open the image */
    gid_t gid;
    uid_t server; /* the process's user, which may read every file and no more */
};

/* Starts a process that scans the tree, and then serves it as MOUNTPOINT/image; mountpoint is a name for a directory to
 * be made.  *s is a SERVED_NONE.  -1 with err; call served_stop then too. */
int served_start(struct served *s, const struct served_plan *plan, const char *mountpoint, struct err *err);

/* Waits until the file can be opened; may be cancelled (common/cancel.h).  -1 with err; call served_stop then too.
 * SERVED_NO_FUSE, with why in err, where FUSE is missing or not permitted: the process has ended, and nothing is
 * mounted. */
enum { SERVED_NO_FUSE = -2 };
int served_await(struct served *s, struct err *err);

/* Ends the process, and the mount. */
void served_stop(struct served *s);

#endif
