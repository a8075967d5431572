/* Destinations that no guest may reach, whatever routes, options and other rules say: the clouds' metadata services,
 * which hand out the host's credentials to whoever asks from its address, and the host's own loopback and link.  An
 * IPv4 service is also forbidden at each IPv6 address that a translator or tunnel on the way would map to it. */
#ifndef CTR_NETSETUP_FORBIDDEN_H
#define CTR_NETSETUP_FORBIDDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All addresses that equal net where the mask has ones.  Of IPv4, the first four bytes count. */
struct forbidden {
    int family; /* AF_INET, AF_INET6 */
    uint8_t net[16], mask[16];
    bool link; /* all that is on a link */
};

enum { FORBIDDEN_MAX = 64, FORBIDDEN_TEXT = 96 };

/* Fills in all forbidden destinations.  Their number. */
size_t forbidden_list(struct forbidden out[FORBIDDEN_MAX]);

/* As iptables' -d takes it: with a length, or with a mask where that has gaps. */
const char *forbidden_text(const struct forbidden *f, char text[FORBIDDEN_TEXT]);

/* Whether address (text of either family, without a scope) is in it.  The host must ask a resolver at such an address
 * on the guest's behalf. */
bool forbidden_is(const char *address);

#endif
