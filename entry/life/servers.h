/* Watches the processes that serve the VM's disks, and warns if one ends.  From then on the guest gets I/O errors, and
 * the command decides how to handle them. */
#ifndef CTR_SERVERS_H
#define CTR_SERVERS_H

#include "common/loop.h"

enum { SERVERS_MAX = 16 };

struct disk_server {
    int end;          /* readable when it has ended */
    const char *disk; /* its name */
};

struct servers {
    struct loop *loop;
    struct server_watch {
        struct watch end;
        struct servers *all;
        const char *disk;
    } watches[SERVERS_MAX];
};

/* Watches them until the loop is freed; s must stay where it is.  -1 without memory. */
int servers_watch(struct servers *s, struct loop *loop, const struct disk_server *list, unsigned count);

#endif
