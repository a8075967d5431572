/* Where this host's traffic to the world leaves: the devices of its default routes.  A guest may leave by these and no
 * others: the host's bridges and VPNs have neighbours of their own, some of whom the host keeps apart (Docker's
 * networks).
 *
 * The set has two parts.  All devices of the main table's default routes, of any metric and each hop of a multipath
 * route, so that one route takes over from another without any change here.  And the devices that the kernel names for
 * some public addresses, since policy routing (wg-quick's table) and routes to half of all addresses (OpenVPN's
 * 0.0.0.0/1) may lead elsewhere. */
#ifndef CTR_NETSETUP_UPLINK_H
#define CTR_NETSETUP_UPLINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#define UPLINK_ANY "any" /* HOST_IFACE=any: wherever routes lead */

enum { UPLINKS_MAX = 8 };

struct uplinks {
    struct uplink {
        unsigned ifindex;
        char name[IFNAMSIZ];
    } list[UPLINKS_MAX]; /* by index */
    size_t count;
};

/* Those of one address family (AF_INET, AF_INET6); an empty set is not an error.  0, or -1 with errno. */
int uplinks_find(int family, struct uplinks *out);

bool uplinks_same(const struct uplinks *a, const struct uplinks *b);

#endif
