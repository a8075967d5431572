/* FUSE messages between a kernel and a server that answers by stream sockets (share/serve.h): the part of a share that
 * runs where the share is mounted. */
#ifndef CTR_INIT_RELAY_H
#define CTR_INIT_RELAY_H

#include "common/err.h"
#include "common/proto.h"

#include <stdbool.h>

enum { RELAY_WAYS = SHARE_WAYS };

struct relay {
    int device[RELAY_WAYS]; /* /dev/fuse, and clones of it; -1: none */
    int connection[RELAY_WAYS];
    /* Connects to another server, when one has died; fills in descriptors, which are the caller's even when it fails:
     * -1 with err.  The others are -1.  NULL: the relay ends with the server. */
    int (*connect)(void *arg, int connection[RELAY_WAYS], struct err *err);
    void *arg;
};
#define RELAY_NONE                                                                                                     \
    {                                                                                                                  \
        .device = {-1, -1, -1, -1}, .connection = { -1, -1, -1, -1 }                                                   \
    }

/* Mounts a FUSE file system on target, a folder or (file) a regular file, with these flags of mount(2) besides nodev,
 * and fills in r->device.  -1 with err. */
int relay_mount(struct relay *r, const char *target, bool file, unsigned long flags, struct err *err);

/* Makes the kernel read ahead by 1 MiB there instead of 128 KiB, since a round trip costs more than a disk's.  Waits
 * for the server's first answer, so another process must run the relay by then.  -1 with errno: there is no answer. */
int relay_readahead(const char *target);

/* Copies messages until the mount ends; the process then has to end, so that all of its threads do.  While there is no
 * server, each request gets ENOTCONN at once.  Needs SIGPIPE to be ignored. */
void relay_run(const struct relay *r);

#endif
