/* The program (BPF) between a guest's TAP and the container's interface that the guest has taken over. */
#ifndef CTR_NETSETUP_TIEPROG_H
#define CTR_NETSETUP_TIEPROG_H

#include "common/err.h"
#include "netsetup/card.h"
#include "netsetup/taken.h"

/* For the TAP: a guest's frame leaves by the interface if it comes from the interface's own MAC and IP addresses, and
 * if its destination is not forbidden (netsetup/forbidden.h).  Queries to the relay (NULL: there is none) are for this
 * namespace.  Everything else is dropped.  A descriptor, or -1 with err. */
int tieprog_out(const struct card *card, const struct takeover_relay *relay, struct err *err);

#endif
