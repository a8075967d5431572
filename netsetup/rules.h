/* The firewall rules of one VM, as iptables-restore reads them (iptables-restore(8)).  Pure text. */
#ifndef CTR_NETSETUP_RULES_H
#define CTR_NETSETUP_RULES_H

#include "common/buf.h"
#include "netsetup/netplan.h"

/* in the comment of each of our rules, followed by the VM's mark (netsetup/claim.h) */
#define RULES_COMMENT "ctr-jailer/"

/* The group that all TAPs of ours are in, whatever they are called (ip-link(8)). */
#define RULES_GROUP 0x637472

/* The mark in a rule's comment or a device's alias; NULL when the text is not exactly one.  VMs made before marks had a
 * unique part have only their id there. */
const char *rules_owner(const char *text);

/* Appends the rules of one address family for plan and link to out.  forward_at is the position in the
 * filter table's FORWARD chain, counted from 1, where they go. */
void rules_text(struct buf *out, int family, const struct net_plan *plan, const struct net_link *link,
                unsigned forward_at);

/* A VM's chain in mangle is called this, followed by the unique part of the VM's mark.  Connections that the guest
 * opens go through the chain, which drops packets that would leave by another device than an uplink.  It is a separate
 * chain so that it can be rewritten (watch.h). */
#define RULES_CHAIN "ctr-jailer-"

/* Appends the lines that rewrite the chain in place. */
void rules_chain(struct buf *out, const struct net_plan *plan, const struct net_link *link,
                 const struct uplinks *uplinks);

/* For a family that the VM does not have: nothing comes in. */
void rules_closed(struct buf *out, const struct net_plan *plan, const struct net_link *link);

#endif
