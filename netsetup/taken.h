/* What a guest has of one interface that it took over. */
#ifndef CTR_NETSETUP_TAKEN_H
#define CTR_NETSETUP_TAKEN_H

#include "netsetup/card.h"

#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { TAKEOVER_CARDS_MAX = 8 };

/* Where the guest finds the DNS relay: on the wire of its first card, a /NET_PREFIX of its own.  Neither end asks for
 * the other's MAC address. */
struct takeover_relay {
    struct in_addr relay, guest; /* zeros: there is none */
    uint8_t mac[ETH_ALEN];       /* the relay's */
};

/* A card of the guest's. */
struct takeover_card {
    struct card card; /* what it is to be like */
    char tap[IFNAMSIZ];
    uint8_t tap_mac[ETH_ALEN]; /* which nobody sees */
    unsigned tap_index;        /* 0: not made */
    bool tied;                 /* the interface */
};

#endif
