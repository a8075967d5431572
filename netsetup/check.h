/* Refuses every plan that can be refused before anything on the host changes. */
#ifndef CTR_NETSETUP_CHECK_H
#define CTR_NETSETUP_CHECK_H

#include "common/err.h"
#include "netsetup/netplan.h"

/* Changes nothing. 0, or -1 with err. */
int netsetup_check(const struct net_plan *plan, struct err *err);

/* Whether this process is in the host's own network namespace. */
bool netsetup_on_host(void);

#endif
