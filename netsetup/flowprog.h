/* The programs (BPF) at both sides of an interface that a guest has taken over.  They leave to the container what is
 * the container's: a connection that one of its own processes opens works as before, and everything else that arrives
 * goes to the guest.  The two share a table of the connections (TCP and UDP: other address, both ports). */
#ifndef CTR_NETSETUP_FLOWPROG_H
#define CTR_NETSETUP_FLOWPROG_H

#include "common/err.h"
#include "netsetup/taken.h"

/* in: for what arrives; it goes out of the TAP of that index unless it is the container's; nobody
 * may speak as the relay (NULL: there is none), or to the guest at the address that it has for the relay.  out: for
 * what leaves; it notes the connections.  Both are descriptors, the caller's to close.  0, or -1 with err. */
int flowprog_open(unsigned tap, const struct takeover_relay *relay, int *in, int *out, struct err *err);

#endif
