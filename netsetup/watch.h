/* Keeps a guest's traffic on the devices of the default routes, which may change or appear while the guest runs.
 *
 * Rules can name devices, but not "wherever the default route leads", so a separate process (watcher.h) waits for
 * changes of routes and rewrites the VM's chain (rules.h).  Until it has done so, or if it fails, the guest reaches
 * less than it may, never more.  Every two seconds, the process checks whether the guest has reached a bound
 * (bounds.h).  It has CAP_NET_ADMIN, and CAP_NET_RAW for iptables-legacy. */
#ifndef CTR_NETSETUP_WATCH_H
#define CTR_NETSETUP_WATCH_H

#include "netsetup/fwscan.h"
#include "netsetup/netplan.h"
#include "netsetup/uplink.h"

/* What was made for one address family. */
struct watch_family {
    int family; /* 0: not there */
    enum fw_backend backend;
    struct uplinks known;
};

/* Starts it, as watcher_start does. */
int watch_start(const struct net_plan *plan, const struct net_link *link, const struct watch_family families[2],
                int *life, struct err *err);

#endif
