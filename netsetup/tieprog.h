/* The programs (BPF) that tie a guest's TAP to an interface of the container's: for each frame that comes in through
 * either, they decide where it goes.  They are direct-action classifiers of tc (bpf(2), BPF_PROG_TYPE_SCHED_CLS). */
#ifndef CTR_NETSETUP_TIEPROG_H
#define CTR_NETSETUP_TIEPROG_H

#include "common/err.h"
#include "netsetup/card.h"

/* For the interface: everything goes to the guest, out of the TAP of index tap.  A descriptor, or -1 with err. */
int tieprog_in(unsigned tap, struct err *err);

/* For the TAP: what the guest sends leaves by the interface when it comes from the interface's own MAC address and
 * addresses, and when its destination is not forbidden (netsetup/forbidden.h).  Everything else is dropped, nothing
 * reaches this namespace itself.  A descriptor, or -1 with err. */
int tieprog_out(const struct card *card, struct err *err);

#endif
