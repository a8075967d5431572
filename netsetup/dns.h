/* A DNS relay for one guest: a resolver on the host's loopback (127.0.0.53 of systemd-resolved, 127.0.0.11 of Docker)
 * answers only the host. */
#ifndef CTR_NETSETUP_DNS_H
#define CTR_NETSETUP_DNS_H

#include "common/err.h"
#include "netsetup/netplan.h"

/* Starts a process that takes the guest's queries from the TAP device, at the device's address, over UDP and TCP, and
 * has the servers plan->dns answer them.  It listens on link->dns_port, or if that is 0, on one that it chooses and
 * stores there.  It runs as the user plan->relay, without rights, and ends with its parent if the parent runs as the
 * same user.  Its pidfd (common/process.h), or -1 with err. */
int dns_start(const struct net_plan *plan, struct net_link *link, struct err *err);

#endif
