/* One interface that a guest takes over: its TAP, and the ties between the two (tie.h).  Nothing of the interface
 * itself is changed, so undoing is removing. */
#ifndef CTR_NETSETUP_TAKECARD_H
#define CTR_NETSETUP_TAKECARD_H

#include "common/err.h"
#include "netsetup/card.h"

#include <sys/types.h>

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

/* Why it cannot be taken over; NULL: it can. */
const char *takecard_unfit(const struct card *card);

/* Makes the TAP, which is the guest's own and up when this returns; uid and gid may open it.  c->card is filled in, and
 * c->tap is the wanted name or a pattern (tap_create).  The TAP's alias and its tie's name are `name`, from the moment
 * when they would outlive this process.  With a relay (may be NULL), chooses its addresses and gives the TAP its own.
 * -1 with err; takecard_remove is called in that case, too. */
int takecard_tap(struct takeover_card *c, const char *name, uid_t uid, gid_t gid, struct takeover_relay *relay,
                 struct err *err);

/* Ties the interface: from now on what arrives is the guest's, unless somebody speaks as the relay (NULL: there is
 * none).  -1 with err. */
int takecard_tie(struct takeover_card *c, const char *name, const struct takeover_relay *relay, struct err *err);

/* The interface is the container's again; the TAP is gone.  What fails at first is tried once more.  Each 0, or -1 with
 * err. */
int takecard_untie(const struct takeover_card *c, struct err *err);
int takecard_remove(const struct takeover_card *c, struct err *err);

#endif
