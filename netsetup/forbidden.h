/* Destinations that no guest may reach, whatever routes, options and other rules say: the clouds' metadata services,
 * which give the host's credentials to any request from the host's address, and the host's own loopback and link. */
#ifndef CTR_NETSETUP_FORBIDDEN_H
#define CTR_NETSETUP_FORBIDDEN_H

#include <stdbool.h>
#include <stddef.h>

/* A row: an address or a prefix as iptables' -d takes it. */
struct forbidden {
    int family; /* AF_INET, AF_INET6 */
    const char *destination;
};

/* The table; *count gets the number of rows. */
const struct forbidden *forbidden_table(size_t *count);

/* Whether address (text of either family, without a scope) is in it.  The host must ask a resolver at such an address
 * on the guest's behalf. */
bool forbidden_is(const char *address);

#endif
