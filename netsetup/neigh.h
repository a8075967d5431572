/* Neighbours that are known from the start.
 *
 * The kernel's tables of neighbours, one for IPv4 and one for IPv6, are those of the whole machine: 1,024 entries for
 * all network namespaces together (gc_thresh3, Documentation/networking/ip-sysctl.rst).  Where ARP and neighbour
 * discovery work, each sender that a guest invents becomes an entry, and when the table is full, nobody on the machine
 * finds a neighbour any more.  So a TAP has neither ARP nor neighbour discovery (IFF_NOARP, and rules.c): the wire has
 * two ends, and each has a permanent entry for the other. */
#ifndef CTR_NETSETUP_NEIGH_H
#define CTR_NETSETUP_NEIGH_H

#include <linux/if_ether.h>
#include <stdint.h>

/* Adds a permanent neighbour entry to the device: addr (struct in_addr or in6_addr, depending on family) is at mac.
 * The entry disappears with the device.  0, or -1 with errno. */
int neigh_add(unsigned ifindex, int family, const void *addr, const uint8_t mac[ETH_ALEN]);

#endif
