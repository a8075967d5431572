/* Watches the processes that serve the VM's disks and shares, and warns if one ends.  From then on the guest gets I/O
 * errors, and the command decides how to handle them.  A share's server also ends with the guest. */
#ifndef CTR_SERVERS_H
#define CTR_SERVERS_H

#include "common/loop.h"

#include <stdbool.h>

enum { SERVERS_MAX = 80 };

struct file_server {
    int end;           /* readable when it has ended */
    const char *disk;  /* its name */
    const char *share; /* or the share's source */
};

struct servers {
    struct loop *loop;
    bool ending; /* so does the guest: no word of a share's server from now on */
    struct server_watch {
        struct watch end;
        struct servers *all;
        const struct file_server *server;
    } watches[SERVERS_MAX];
};

/* Watches them until the loop is freed; s and list must stay where they are.  -1 without memory. */
int servers_watch(struct servers *s, struct loop *loop, const struct file_server *list, unsigned count);

#endif
