/* Firewalls that are nf_tables' own, beside iptables: a packet passes when every base chain of its hook lets it
 * (nft(8)), so no rule of ours can open them.  They can be told of. */
#ifndef CTR_NETSETUP_FOREIGN_H
#define CTR_NETSETUP_FOREIGN_H

#include "netsetup/netsetup.h"

/* Warns of the chains of others that refuse what this guest needs: to be forwarded, and where plan asks for it, to
 * reach this host.  Not of chains whose table has a rule about link's TAP by its name or its group. */
void foreign_warn(const struct net_plan *plan, const struct net_link *link);

#endif
