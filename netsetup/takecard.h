/* One interface that a guest takes over: its TAP, and the ties between the two (tie.h).  The interface itself does not
 * change, so undoing only means removing the TAP and the ties. */
#ifndef CTR_NETSETUP_TAKECARD_H
#define CTR_NETSETUP_TAKECARD_H

#include "common/err.h"
#include "netsetup/card.h"
#include "netsetup/taken.h"

#include <sys/types.h>

/* Starts the names of the ties and TAPs that the CNI plugin makes; the container's interface follows. */
#define TAKECARD_PLUGIN "tc-redirect-tap/"
bool takecard_plugins(const char *name);

/* Why it cannot be taken over; NULL: it can. */
const char *takecard_unfit(const struct card *card);

/* Makes the TAP, which is the guest's own and up when this returns; uid and gid may open it.  c->card is filled in, and
 * c->tap is the wanted name or a pattern (tap_create).  The TAP's alias and its tie's name become `name` at the moment
 * from which they would outlive this process.  With a relay (may be NULL), chooses its addresses and gives the TAP its
 * own. -1 with err; takecard_remove is called in that case, too. */
int takecard_tap(struct takeover_card *c, const char *name, uid_t uid, gid_t gid, struct takeover_relay *relay,
                 struct err *err);

/* Ties the interface: from now on, everything that arrives goes to the guest, except frames that claim to come from the
 * relay (NULL: no relay).  -1 with err. */
int takecard_tie(struct takeover_card *c, const char *name, const struct takeover_relay *relay, struct err *err);

/* Gives the interface back to the container; removes the TAP.  Each tries a failed step once more. 0, or -1 with err.
 */
int takecard_untie(const struct takeover_card *c, struct err *err);
int takecard_remove(const struct takeover_card *c, struct err *err);

#endif
