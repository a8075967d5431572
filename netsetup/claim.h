/* Claims: names that one process at a time holds in a network namespace, and that end with it however it
 * ends.  An abstract UNIX socket (unix(7)) is exactly that. */
#ifndef CTR_NETSETUP_CLAIM_H
#define CTR_NETSETUP_CLAIM_H

#include <netinet/in.h>

/* The VM's own claim: who holds it is alive.  A descriptor, or -1 with errno (EADDRINUSE: held). */
int claim_id(const char *id);

/* The claim on the /30 around addr. */
int claim_subnet(struct in_addr addr);

#endif
