/* A network interface as the engine has set it up, so that a guest can have the same. */
#ifndef CTR_NETSETUP_CARD_H
#define CTR_NETSETUP_CARD_H

#include "common/buf.h"
#include "common/err.h"

#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CARD_ADDRESSES_MAX = 32, CARD_ROUTES_MAX = 64 };

/* Of either family; an IPv4 address is in the first four bytes. */
struct card_address {
    struct in6_addr local, peer, broadcast; /* peer: local, unless the link is point-to-point; broadcast: zeros: none */
    uint32_t flags;                         /* IFA_F_NOPREFIXROUTE or 0 */
    uint8_t family, prefix, scope;
};

struct card_route {
    struct in6_addr to, via, src; /* zeros: everywhere, no gateway, no preferred source */
    uint32_t metric, mtu;         /* 0: none */
    uint8_t family, prefix, scope;
    uint8_t via_family; /* 0: no gateway; it may be another family's (RFC 5549) */
    bool onlink;        /* the gateway is on this link although no prefix says so */
};

struct card {
    char name[IFNAMSIZ], kind[32]; /* kind: veth, macvlan, ...; "": hardware */
    unsigned ifindex, mtu, flags;  /* IFF_UP, ... */
    bool ethernet, enslaved;       /* enslaved: a port of a bridge, or the like */
    uint8_t mac[ETH_ALEN];
    char alias[128];
    struct card_address address[CARD_ADDRESSES_MAX];
    size_t address_count;
    struct card_route route[CARD_ROUTES_MAX]; /* routes through a gateway come last: they are added in this order */
    size_t route_count;
};

/* Calls each for every interface of the namespace except lo; addresses and routes are not read yet. -1 with err, or if
 * each returns -1. */
int card_each(int (*each)(const struct card *card, void *data), void *data, struct err *err);

/* Reads the interface's addresses and routes: those of the main table that lead out of it.  The kernel derives the
 * other routes from the addresses.  -1 with err. */
int card_read(struct card *card, struct err *err);

/* Whether the two cards are equal for a guest: MAC address, MTU, addresses and routes. */
bool card_same(const struct card *a, const struct card *b);

/* Appends them as `ip address add` and `ip route add` (iproute2) take them. */
void card_address_text(struct buf *out, const struct card_address *a);
void card_route_text(struct buf *out, const struct card_route *r);

#endif
