/* Networks as JSON. */
#ifndef CTR_NETSETUP_SHOW_H
#define CTR_NETSETUP_SHOW_H

#include "common/buf.h"
#include "netsetup/netplan.h"
#include "netsetup/takeover.h"

void show_link(struct buf *out, const char *id, const struct net_link *link);

/* An array with everything that each VM has in this namespace: {"id","alive","taps":[],"rules":N}.  0, or -1 with err.
 */
int show_all(struct buf *out, struct err *err);

/* A VM's cards, with addresses and routes as ip takes them (netsetup/card.h). */
void show_takeover(struct buf *out, const char *id, const struct takeover *t);

#endif
