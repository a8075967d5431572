/* Whether the guest can have IPv6, and how the TAP is kept free of it when not. */
#ifndef CTR_NETSETUP_IPV6_H
#define CTR_NETSETUP_IPV6_H

#include <netinet/in.h>
#include <stdbool.h>

/* Has this host IPv6 to share, and does it forward (turned on here when it can be)?  Never an error: a guest
 * without IPv6 is a good guest. */
bool ipv6_ready(void);

/* A unique local prefix (RFC 4193) of random bits; ::1 in it for the TAP, ::2 for the guest.  false: no
 * randomness. */
bool ipv6_choose(struct in6_addr *tap, struct in6_addr *guest);

/* Turns IPv6 off on the device; true as well where there is none. */
bool ipv6_disable(const char *dev);

/* The device's routes hold only while it has a carrier.  False: they hold always. */
bool ipv6_only_with_carrier(const char *dev);

#endif
