/* The kernel's memory of connections. */
#ifndef CTR_NETSETUP_CONNTRACK_H
#define CTR_NETSETUP_CONNTRACK_H

#include "netsetup/ports.h"

#include <netinet/in.h>
#include <stddef.h>

/* The flows meant: those from and to a dead guest, and those to published UDP ports; zeros: none. */
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

/* In this order: find them while the TAP is there (its end takes masqueraded flows along); remove TAP and rules; forget
 * the flows, which would otherwise keep their old destination; give up the claims on published ports; and reset
 * (reset.h), which frees the list.  Where the kernel cannot do this, next to nothing happens. */
void conntrack_find(const struct conntrack_gone *gone, struct conntrack_lost *lost);
void conntrack_forget(const struct conntrack_gone *gone);
void conntrack_reset(struct conntrack_lost *lost);

#endif
