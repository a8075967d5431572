/* Addresses of a device, over rtnetlink (rtnetlink(7)). */
#ifndef CTR_NETSETUP_ADDR_H
#define CTR_NETSETUP_ADDR_H

#include <netinet/in.h>

/* Gives the device an address that is usable at once, without duplicate address detection: nobody else is on the wire.
 * 0, or -1 with errno. */
int addr_add(unsigned ifindex, struct in_addr addr, unsigned prefix);
int addr_add6(unsigned ifindex, const struct in6_addr *addr, unsigned prefix);

/* The device's addresses, except link-local ones; zeros if it has none, or if they cannot be read. */
void addr_find(unsigned ifindex, struct in_addr *addr, struct in6_addr *addr6);

#endif
