/* What all network interfaces of the guest need (netdevice(7), rtnetlink(7)).  sock is any socket of IPv4. */
#ifndef CTR_INIT_IFACE_H
#define CTR_INIT_IFACE_H

#include "common/mac.h"

#include <net/if.h>

/* A request with that name. */
struct ifreq iface_request(const char *name);

/* Sets these flags (IFF_UP, ...) besides those that are set.  -1 with errno. */
int iface_flags(int sock, const char *name, short flags);

/* In bytes.  -1 with errno. */
int iface_mtu(int sock, const char *name, int mtu);

/* Enters a neighbour that stays; address is text of either family.  -1 with errno. */
int iface_neighbour(const char *name, const char *address, const uint8_t mac[MAC_BYTES]);

#endif
