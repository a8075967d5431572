/* A network namespace of a VM's own, on a network that the administrator has configured for CNI (cni/caller).  The
 * guest takes over the interface that the plugins make in it (VM_NETWORK=takeover). */
#ifndef CTR_CTL_CNINET_H
#define CTR_CTL_CNINET_H

#include "common/err.h"

#include <sys/types.h>

/* The VM's namespace is CNINET_DIR CNINET_PREFIX ID, and the interface in it that the plugins make. */
#define CNINET_DIR "/run/netns/" /* ip-netns(8) */
#define CNINET_PREFIX "ctr-"
#define CNINET_INTERFACE "eth0"

struct cninet {
    const char *network;                    /* NULL: the VM is not on one; then nothing else counts */
    const char *plugins, *networks, *cache; /* cni/caller/attachment.h; NULL: the usual places */
    const char *address;                    /* asked for (CNI_ARGS, IP=); NULL: the network chooses */
    int attendant;                          /* once entered: a pipe to the process that will remove everything */
};

/* Makes the namespace of the VM id and puts it on the network, with the ports published (ctl/portmap.h), and moves this
 * process into it.  A separate process removes everything when this process has ended, or the one that cninet_keep
 * names.  -1 with err: nothing is left. */
int cninet_enter(struct cninet *n, const char *id, const char *ports, struct err *err);

/* Takes away what dead VMs have left on CNI networks: all that n->cache knows of them.  -1 when something failed, which
 * is logged; the rest is taken away all the same. */
int cninet_purge(const struct cninet *n);

/* From now on it is the end of the process pid that counts, which may be this one once it has become entry. */
void cninet_keep(const struct cninet *n, pid_t pid);

#endif
