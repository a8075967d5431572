/* Handles packets for a dead guest, even if all our processes were killed and the rules that redirect published ports
 * to the guest are still there.
 *
 * A TAP that nobody has open has no carrier, which the kernel notices within a second.  Its routes are ignored then
 * (ignore_routes_with_linkdown, Documentation/networking/ip-sysctl.rst), so packets for the guest take another way: the
 * route of this file, to the loopback device, which is the only one that packets from 127.0.0.1 can take; for IPv6 the
 * default route.  There a rule refuses them (rules.c), so clients get "connection refused" at once, before a guest has
 * its card and after it has lost it.  Only the host's own IPv6 clients wait in vain: the rule sees where a packet of
 * the host is going by its route's realm (ip-route(8)), and IPv6 routes have none. */
#ifndef CTR_NETSETUP_FALLBACK_H
#define CTR_NETSETUP_FALLBACK_H

#include <netinet/in.h>

#define FALLBACK_REALM 0x6374

/* The route for the subnet of an address (either end's), of NET_PREFIX bits.  0, or -1 with errno. */
int fallback_add(struct in_addr addr);
int fallback_remove(struct in_addr addr);

/* Removes those whose TAP is gone; a VM that starts has its TAP up before it adds its own. */
void fallback_gc(void);

#endif
