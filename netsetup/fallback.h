/* Handles packets for a dead guest, even if all our processes were killed and the rules that redirect published ports
 * to the guest are still there.
 *
 * A TAP that nobody has open has no carrier, which the kernel notices within a second.  Its routes are ignored then
 * (ignore_routes_with_linkdown, Documentation/networking/ip-sysctl.rst), so packets for the guest take the route of
 * this file, and rules refuse them there (rules.c): clients get "connection refused" at once, before a guest has its
 * card and after it has lost it.
 *
 * IPv4: to the loopback device, which is the only one that packets from 127.0.0.1 can take.  A realm (ip-route(8))
 * identifies the host's own packets that take it.  IPv6 has no realms and no route to that device, so the guest's
 * addresses are made the host's own: packets for the guest end in INPUT, where a rule refuses them. */
#ifndef CTR_NETSETUP_FALLBACK_H
#define CTR_NETSETUP_FALLBACK_H

#include <netinet/in.h>

#define FALLBACK_REALM 0x6374

/* The routes for the subnet of an address (either end's), of NET_PREFIX or NET_PREFIX6 bits.  0, or -1 with errno. */
int fallback_add(struct in_addr addr);
int fallback_remove(struct in_addr addr);
int fallback_add6(const struct in6_addr *addr);
int fallback_remove6(const struct in6_addr *addr);

/* Removes those whose TAP is gone; a VM that starts has its TAP up before it adds its own. */
void fallback_gc(void);

#endif
