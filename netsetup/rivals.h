/* A VM that takes an interface over gets all that arrives there, so it would get the answers to a nat VM whose traffic
 * leaves by that interface.  The two cannot be in one network namespace.
 *
 * Nor can a VM that gets all ports (VM_PORTS=all) be beside another nat VM.
 *
 * Each VM that starts first creates what the other kind looks for (a nat VM its TAP, a takeover its ties, VM_PORTS=all
 * its claim), and then looks itself.  So if two start at once, at least one sees the other. */
#ifndef CTR_NETSETUP_RIVALS_H
#define CTR_NETSETUP_RIVALS_H

#include "common/err.h"
#include "netsetup/netplan.h"
#include "netsetup/takecard.h"
#include "netsetup/uplink.h"

/* Refuses a nat VM that would leave by an interface that a living VM, or the CNI plugin, has taken over.  uplink is
 * the plan's, uplinks are those of both families.  What a dead VM still has is removed.  0, or -1 with err. */
int rivals_of_nat(const char *uplink, const struct uplinks uplinks[2], struct err *err);

/* Refuses VM_PORTS=all beside another living nat VM, and any nat VM beside a living one that has VM_PORTS=all.  plan is
 * netsetup's own, with the mark.  0, or -1 with err. */
int rivals_of_ports(const struct net_plan *plan, struct err *err);

/* Refuses to take over an interface by which a living nat VM leaves.  0, or -1 with err. */
int rivals_of_takeover(const struct takeover_card *cards, size_t count, struct err *err);

/* Removes from u what is taken over; the last one's name, or "", is left in gone. */
void rivals_leave_out(struct uplinks *u, char gone[IFNAMSIZ]);

#endif
