/* The network of one VM: a TAP device with a /30 of its own, and the firewall rules that let exactly this guest out,
 * the published ports in, and nothing else.  netsetup_up makes it, and netsetup_down removes what netsetup_up made.
 * Needs CAP_NET_ADMIN (and CAP_NET_RAW for iptables), /dev/net/tun and iptables.
 *
 * These settings stay afterwards, because others may rely on them by then: net.ipv4.ip_forward; where the guest has
 * IPv6, net.ipv6.conf.all.forwarding, with accept_ra 2 instead of 1 so that the host keeps its own routes; and the
 * empty iptables tables that the first rule of a namespace creates. */
#ifndef CTR_NETSETUP_H
#define CTR_NETSETUP_H

#include "common/err.h"
#include "netsetup/netplan.h"
#include "netsetup/parse.h"

struct netsetup; /* holds the claims, for as long as the VM lives */

/* Removes what dead VMs left in this network namespace, then makes this one's network.  The handle, to be
 * ended by netsetup_down; or NULL with err, and nothing left behind.  With plan->dns it starts a child process,
 * which lasts until netsetup_down or this process's end. */
struct netsetup *netsetup_up(const struct net_plan *plan, struct err *err);
const struct net_link *netsetup_link(const struct netsetup *net);

/* Undoes everything that netsetup_up did, even if a part fails, and frees the handle (NULL is fine).  When it returns,
 * nothing of the network is visible any more, and its names and addresses are free.  The kernel frees the device's
 * memory within the next 30 ms, in a thread of this process; the exit of the process would wait for that.  0, or -1
 * with the first failure. */
int netsetup_down(struct netsetup *net, struct err *err);

/* Removes the TAPs and rules of every VM in this namespace whose claim nobody holds; *removed (may be NULL)
 * counts the VMs.  0, or -1 with err. */
int netsetup_gc(unsigned *removed, struct err *err);

/* The same for one id, which is refused while a VM has it. */
int netsetup_forget(const char *id, struct err *err);

#endif
