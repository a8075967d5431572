/* Whether the guest can have IPv6, and how to keep the TAP free of IPv6 otherwise. */
#ifndef CTR_NETSETUP_IPV6_H
#define CTR_NETSETUP_IPV6_H

#include <netinet/in.h>
#include <stdbool.h>

/* Whether this host has IPv6 to share and forwards it; turns forwarding on if possible.  Never an error: a guest works
 * without IPv6. */
bool ipv6_ready(void);

/* A unique local prefix (RFC 4193) of random bits; ::1 in it for the TAP, ::2 for the guest.  false: the kernel gave no
 * random bytes. */
bool ipv6_choose(struct in6_addr *tap, struct in6_addr *guest);

/* Turns IPv6 off on the device; true, too, if the kernel has no IPv6. */
bool ipv6_disable(const char *dev);

/* Makes the device's routes hold only while it has a carrier.  False: they hold always. */
bool ipv6_only_with_carrier(const char *dev);

/* Makes the kernel drop what comes in through the device and has a routing header (SRv6, RFC 8754; RPL, RFC 6554). Such
 * a packet names its own next destination, and goes there after PREROUTING, past the rules that refuse.  False: the
 * kernel obeys these headers, and /proc/sys cannot be written. */
bool ipv6_no_source_routes(const char *dev);

#endif
