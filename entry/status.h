/* What `ctr-jailer status` tells. */
#ifndef CTR_STATUS_H
#define CTR_STATUS_H

#include "common/buf.h"
#include "netsetup/netsetup.h"

/* What is known when the VM starts.  Times are loop_now's. */
struct status_facts {
    uint64_t begun;              /* this process */
    uint64_t started;            /* Firecracker's InstanceStart */
    const struct net_link *link; /* NULL: no network */
    const struct net_ports *ports;
    pid_t jail; /* the first process of the jail; Firecracker is its child */
    int64_t restarts;
    const char *healthcheck; /* HEALTHCHECK_CMD; NULL: none */
};

/* What the guest says when its command has started. */
struct status_boot {
    uint64_t exec;             /* when that was; 0: it has not */
    uint32_t exec_ms, init_ms; /* of the guest's clock, which starts with its kernel */
    uint32_t pid;              /* the command's, in the guest */
};

/* Appends it as JSON. */
void status_fill(const char *id, const char *state, const struct status_facts *facts, const struct status_boot *boot,
                 struct buf *out);

/* How often this container was started before, as a file in its own filesystem counts; -1: not known, when it
 * cannot be written, or we are not a container's first process.  To be called once. */
int64_t status_restarts(void);

#endif
