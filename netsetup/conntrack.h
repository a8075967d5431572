/* The kernel's memory of connections. */
#ifndef CTR_NETSETUP_CONNTRACK_H
#define CTR_NETSETUP_CONNTRACK_H

#include "netsetup/ports.h"

#include <netinet/in.h>
#include <stddef.h>

/* Whose flows: those from and to a guest that is dead, and those to published UDP ports; zeros: none. */
struct conntrack_gone {
    struct in_addr guest;
    struct in6_addr guest6;
    const struct net_ports *ports;
};

/* The other sides of the guest's TCP connections, those that know it by an address of this host's. */
struct conntrack_lost {
    struct conntrack_pair *list; /* owned */
    size_t count;
};

/* In this order: find them while the TAP is there (its end takes masqueraded flows along); remove TAP and rules;
 * forget the flows, which would go on to where they went before; give up the claims on published ports; and reset
 * (reset.h), which frees the list.  As good as nothing happens where the kernel cannot do it. */
void conntrack_find(const struct conntrack_gone *gone, struct conntrack_lost *lost);
void conntrack_forget(const struct conntrack_gone *gone);
void conntrack_reset(struct conntrack_lost *lost);

#endif
