/* The VM's /30: chosen, checked and claimed. */
#ifndef CTR_NETSETUP_SUBNET_H
#define CTR_NETSETUP_SUBNET_H

#include "common/err.h"

#include <netinet/in.h>
#include <stdbool.h>

/* The two hosts of a /30 when one or both are given (the other one is 0); false if they are not such a pair.  Both 0:
 * true, and nothing changes. */
bool subnet_pair(struct in_addr *tap, struct in_addr *guest);

/* Do the two prefixes (lengths in bits) share an address? */
bool subnet_overlap(struct in_addr a, unsigned a_len, struct in_addr b, unsigned b_len);

/* Claims the /30 of *tap and *guest, or a random free one when they are 0.  Refused when any address or route
 * of this namespace overlaps it.  The claim's descriptor, or -1 with err. */
int subnet_take(struct in_addr *tap, struct in_addr *guest, struct err *err);

/* Called once the device ifindex has the address: checks again, because overlaps may have appeared while another user
 * held the claim's name (claim_subnet).  0, or -1 with err. */
int subnet_recheck(struct in_addr tap, unsigned ifindex, struct err *err);

#endif
