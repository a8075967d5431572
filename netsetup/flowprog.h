/* The programs (BPF) at both sides of an interface that a guest has taken over.  They leave the container its own
 * traffic: a connection that one of its processes opens works as before, and everything else that arrives goes to the
 * guest.  The two share a table of the connections (TCP and UDP: other address, both ports). */
#ifndef CTR_NETSETUP_FLOWPROG_H
#define CTR_NETSETUP_FLOWPROG_H

#include "common/err.h"
#include "netsetup/taken.h"

/* in: handles frames that arrive.  It sends them out of the TAP with index tap, unless they are the container's.  It
 * drops frames that claim to come from the relay (NULL: there is none), or that go to the guest's address for the
 * relay.  out: handles frames that leave, and records the connections.  Both are descriptors; the caller closes them.
 * 0, or -1 with err. */
int flowprog_open(unsigned tap, const struct takeover_relay *relay, int *in, int *out, struct err *err);

#endif
