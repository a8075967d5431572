/* The guest takes over the container's interfaces: it has their MAC addresses, MTUs, addresses and routes, and every
 * frame that arrives goes to it.  Each interface is tied to a TAP (tie.h, tieprog.h); the interface itself does not
 * change, so undoing only means removing TAPs and ties.
 *
 * Connections that this namespace's own programs open still work (flowprog.h); those that arrive go to the guest.
 *
 * Needs CAP_NET_ADMIN, CAP_SYS_ADMIN or CAP_BPF, /dev/net/tun, and a kernel with CONFIG_NET_CLS_BPF and
 * CONFIG_NET_SCH_INGRESS. */
#ifndef CTR_NETSETUP_TAKEOVER_H
#define CTR_NETSETUP_TAKEOVER_H

#include "common/err.h"
#include "netsetup/netplan.h"
#include "netsetup/takecard.h"

struct takeover_plan {
    char id[NET_ID_MAX + 1];                   /* of the VM */
    char ifaces[TAKEOVER_CARDS_MAX][IFNAMSIZ]; /* "": no more; none: every Ethernet interface that is up */
    uid_t uid;                                 /* who may open the TAPs */
    gid_t gid;
    uid_t relay; /* who the DNS relay runs as, with the gid of that number */
    /* Resolvers that only this namespace reaches (127.0.0.11), asked in this order; "": no more. */
    char dns[NET_DNS_SERVERS][NET_DNS_MAX];
};

struct takeover; /* holds the claims: its life is the VM's */

/* Refuses what takeover_up would refuse of the namespace's interfaces; changes nothing.  0, or -1 with err. */
int takeover_check(const struct takeover_plan *plan, struct err *err);

/* Whether the kernel has the needed features and lets this process use them; changes nothing.  0, or -1 with err. */
int takeover_supported(struct err *err);

/* Removes what dead VMs left in this network namespace, then takes the interfaces over.  The handle, to be ended by
 * takeover_down; or NULL with err, and everything is as before. */
struct takeover *takeover_up(const struct takeover_plan *plan, struct err *err);
const struct takeover_card *takeover_cards(const struct takeover *t, size_t *count);

/* The guest's first address of a family; NULL: it has none. */
const struct card_address *takeover_address(const struct takeover *t, int family);

const struct takeover_relay *takeover_relay(const struct takeover *t);

/* Gives the interfaces back and frees the handle (NULL is fine).  0, or -1 with the first failure; the rest is tried
 * all the same.  After a kill, netsetup_gc or the next VM's start removes what is left. */
int takeover_down(struct takeover *t, struct err *err);

#endif
