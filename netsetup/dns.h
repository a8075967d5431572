/* A DNS relay for one guest: a resolver on the host's loopback (127.0.0.53 of systemd-resolved, 127.0.0.11 of
 * Docker) answers the host only. */
#ifndef CTR_NETSETUP_DNS_H
#define CTR_NETSETUP_DNS_H

#include "common/err.h"
#include "netsetup/netsetup.h"

/* Starts a process that takes the guest's queries from the TAP device, at its address, UDP and TCP on one port of its
 * own choice, which link->dns_port tells; and has the servers plan->dns answer them.  It runs as the user plan->relay,
 * without rights, and ends with its parent when that runs as the same.  Its pidfd (common/process.h), or -1 with err.
 */
int dns_start(const struct net_plan *plan, struct net_link *link, struct err *err);

#endif
