/* The host's side of published ports, bound so that no other program takes them. */
#ifndef CTR_NETSETUP_PORTCLAIM_H
#define CTR_NETSETUP_PORTCLAIM_H

#include "netsetup/fwscan.h"
#include "netsetup/ports.h"

struct portclaim {
    int *fds; /* owned; one socket a port and address family */
    size_t count;
};

/* Takes every port on this host, on IPv6 too when asked to.  Refused, with the holder's name, if another process has
 * one.  All ports are a claim (claim.h), without sockets.  0, or -1 with err; to be released in both cases. */
int portclaim_take(struct portclaim *claim, const struct net_ports *ports, bool ipv6, struct err *err);
void portclaim_release(struct portclaim *claim);

/* Refuses ports that another program's NAT rule redirects before ours could, with or without a socket (Kubernetes' host
 * ports).  0, or -1 with err. */
int portclaim_foreign(const struct net_ports *ports, const struct fw_dnat *list, size_t count, struct err *err);

#endif
