/* The limits of commands, the kernel's settings and the size of /dev/shm: the container's, where it has some of its
 * own, and Docker's usual ones. */
#ifndef CTR_INIT_LIMITS_H
#define CTR_INIT_LIMITS_H

#include "common/err.h"

/* Reads them from the settings, and applies those of the whole guest.  The network and /dev/shm must be set up
 * already.  -1 with err when the kernel refuses one of VM_SYSCTLS. */
int limits_take(char *const *settings, struct err *err);

/* Sets init's own limits: few signals may wait for init at a time.  Signals that others queue for init count as root's,
 * and root's processes need that room for their own timers and signals. */
void limits_own(void);

/* Sets the limits of this process, which is to become a command. */
void limits_apply(void);

#endif
