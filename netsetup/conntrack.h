/* The kernel's memory of connections. */
#ifndef CTR_NETSETUP_CONNTRACK_H
#define CTR_NETSETUP_CONNTRACK_H

#include "netsetup/ports.h"

#include <netinet/in.h>
#include <stddef.h>

/* Which flows to find: those from and to a dead guest, and those to published UDP ports; zeros: none. */
struct conntrack_gone {
    struct in_addr guest;
    struct in6_addr guest6;
    const struct net_ports *ports;
};

/* The remote ends of those TCP connections of the guest that know it by an address of this host. */
struct conntrack_lost {
    struct conntrack_pair *list; /* owned */
    size_t count;
};

/* The order of use: find the connections while the TAP exists (removing the TAP deletes masqueraded flows); remove the
 * TAP and the rules; forget the flows, which would otherwise keep their old destination; release the claims on
 * published ports; and reset (reset.h), which frees the list.  If the kernel lacks connection tracking over netlink,
 * these functions do next to nothing. */
void conntrack_find(const struct conntrack_gone *gone, struct conntrack_lost *lost);
void conntrack_forget(const struct conntrack_gone *gone);
void conntrack_reset(struct conntrack_lost *lost);

#endif
