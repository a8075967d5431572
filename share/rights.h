/* The capabilities of a share's server. */
#ifndef CTR_SHARE_RIGHTS_H
#define CTR_SHARE_RIGHTS_H

#include "common/privilege.h"

#include <stdbool.h>

/* To read and write every user's files, give them to any user, and act as one (share/actor.h). */
static inline uint64_t share_rights(bool readonly)
{
    return readonly
               ? privilege_reading()
               : PRIVILEGE(CAP_DAC_OVERRIDE) | PRIVILEGE(CAP_CHOWN) | PRIVILEGE(CAP_SETUID) | PRIVILEGE(CAP_SETGID);
}

#endif
