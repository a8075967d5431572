/* The network of one VM: the plan, and the result. netsetup.h makes the result from the plan; files that need only
 * these two structs include this header alone. */
#ifndef CTR_NETSETUP_NETPLAN_H
#define CTR_NETSETUP_NETPLAN_H

#include "netsetup/bounds.h"
#include "netsetup/ports.h"
#include "netsetup/uplink.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* NET_DNS_SERVERS: as many as resolv.conf(5) can name. */
enum { NET_ID_MAX = 64, NET_MARK_MAX = NET_ID_MAX + 9, NET_PREFIX = 30, NET_PREFIX6 = 64 };
enum { NET_DNS_MAX = 64, NET_DNS_SERVERS = 3 };

/* What is asked for.  Text is NUL-terminated; addresses are in network byte order. */
struct net_plan {
    /* Of the VM: 1-64 of [A-Za-z0-9-], as the jailer wants it.  In netsetup's own copy it is the VM's mark
     * (netsetup/claim.h), which is longer. */
    char id[NET_MARK_MAX + 1];
    char tap[IFNAMSIZ];        /* "": the kernel chooses a free ctr<N> */
    struct in_addr tap_addr;   /* 0: a random free 10.x.x.1, or the other address of guest_addr's /30 */
    struct in_addr guest_addr; /* 0: the other address of tap_addr's /30 */
    uint8_t guest_mac[6];      /* zeros: a random, locally administered one */
    char uplink[IFNAMSIZ];     /* the guest may only leave by this device; "": by the default routes'; UPLINK_ANY */
    uid_t uid;                 /* who may open the TAP */
    gid_t gid;
    struct net_ports ports; /* published ports; owned by the caller */
    bool host_access;       /* the guest may reach the host's own services */
    bool guest_access;      /* other guests may reach this one's address */
    bool no_ipv6;           /* not even where the host has it */
    uid_t relay;            /* the DNS relay's uid, and its gid */
    /* Resolvers that only this host reaches (127.0.0.53, fe80::1%eth0), asked in this order; "": no more. */
    char dns[NET_DNS_SERVERS][NET_DNS_MAX];
};

/* What was made. */
struct net_link {
    char tap[IFNAMSIZ];
    unsigned ifindex;
    struct in_addr tap_addr, guest_addr; /* the guest's gateway, and the guest; both in one /NET_PREFIX */
    uint8_t tap_mac[6], guest_mac[6];    /* each end is told the other's: nobody asks (netsetup/neigh.h) */
    unsigned mtu;                        /* bytes; the uplink's, for the guest to set too */
    struct uplinks uplinks[2];           /* as they were at the start: IPv4's, IPv6's */
    uint16_t dns_port;                   /* where the relay listens; the guest asks tap_addr's port 53.  0: no relay */
    bool bare;                           /* this kernel cannot refuse a dead guest's clients: they time out */
    struct bounds bounds;                /* of the tables that the whole machine shares */
    bool ipv6;                           /* the guest has it too: a unique local address, in one /NET_PREFIX6 */
    struct in6_addr tap_addr6, guest_addr6;
};

#endif
