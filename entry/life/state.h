/* The content of state.json in a VM's run directory (entry/host/rundir.h), for programs that do not ask entry: the part
 * of `status` that does not change while the VM runs. */
#ifndef CTR_STATE_H
#define CTR_STATE_H

#include "common/buf.h"
#include "netsetup/netplan.h"
#include "netsetup/takeover.h"

#include <stdint.h>

struct state {
    const char *id, *image;       /* image: VM_ROOTFS_DIR */
    uint64_t started;             /* this process, in seconds of the UNIX epoch */
    const char *network;          /* nat, takeover or none */
    const struct net_link *link;  /* NULL: none, or not yet */
    const struct takeover *taken; /* the same */
    const struct net_ports *ports;
    uid_t uid;  /* Firecracker's; entry's is the next */
    pid_t jail; /* the jail's first process; 0: not yet */
};

/* Appends it as JSON. */
void state_fill(const struct state *s, struct buf *out);

#endif
