/* The TAP device: the host's end of the VM's network card. */
#ifndef CTR_NETSETUP_TAP_H
#define CTR_NETSETUP_TAP_H

#include "common/err.h"

#include <net/if.h>
#include <sys/types.h>

/* Creates a TAP; name is the wanted name, or "ctr%d" for the first free number, and is set to the actual name.  Until
 * tap_persist, the device lives only as long as the descriptor.  The descriptor, or -1 with err. */
int tap_create(char name[IFNAMSIZ], struct err *err);

/* Makes it outlive the descriptor and lets uid or gid open it.  0, or -1 with err. */
int tap_persist(int fd, const char *name, uid_t uid, gid_t gid, struct err *err);

#endif
