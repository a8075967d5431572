/* Native nftables firewalls, beside iptables: a packet passes only if every base chain of its hook accepts it (nft(8)),
 * so no rule of ours can open them.  We can only warn about them. */
#ifndef CTR_NETSETUP_FOREIGN_H
#define CTR_NETSETUP_FOREIGN_H

#include "netsetup/netplan.h"

/* Warns about other programs' chains that refuse what this guest needs: forwarding and, if plan asks for it, access to
 * this host.  Skips chains whose table has a rule about link's TAP, by its name or its group. */
void foreign_warn(const struct net_plan *plan, const struct net_link *link);

#endif
