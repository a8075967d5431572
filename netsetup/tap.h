/* The TAP device that the VM's network card is. */
#ifndef CTR_NETSETUP_TAP_H
#define CTR_NETSETUP_TAP_H

#include "common/err.h"

#include <net/if.h>
#include <sys/types.h>

/* Creates a TAP; name is the wanted one, or "ctr%d" for the first free number, and comes back as it is.  The
 * device lives as long as the descriptor, until tap_persist.  The descriptor, or -1 with err. */
int tap_create(char name[IFNAMSIZ], struct err *err);

/* Makes it outlive the descriptor and lets uid or gid open it.  0, or -1 with err. */
int tap_persist(int fd, const char *name, uid_t uid, gid_t gid, struct err *err);

#endif
