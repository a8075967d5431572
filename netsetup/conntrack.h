/* The kernel's memory of connections. */
#ifndef CTR_NETSETUP_CONNTRACK_H
#define CTR_NETSETUP_CONNTRACK_H

#include "netsetup/ports.h"

/* Forgets the flows of one address family to published UDP ports, which would go on to where they went before:
 * a client that keeps sending keeps its flow.  As good as nothing happens where the kernel cannot do it. */
void conntrack_forget(int family, const struct net_ports *ports);

#endif
