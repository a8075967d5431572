/* Whose rights a thread acts with (setfsuid(2)).
 *
 * The guest's kernel has decided whether its process may do what it asks (default_permissions); the server overrides
 * the files' modes by CAP_DAC_OVERRIDE.  But a new file must belong to the guest's process.  And only an owner can set
 * modes, times and attributes, remove names from folders with the sticky bit, and make links, unless the server has
 * CAP_FOWNER and CAP_FSETID, which containers often lack.  So a thread becomes that user for one system call.  Without
 * CAP_FSETID, the host's kernel also takes set-user-id bits away from every file that the guest writes to. */
#ifndef CTR_SHARE_ACTOR_H
#define CTR_SHARE_ACTOR_H

#include <sys/types.h>

/* This thread acts as that user and group until actor_self.  -1 with errno EPERM: it may not, and acts as itself. */
int actor_as(uid_t uid, gid_t gid);

/* This thread acts as the process's own user again, with all its capabilities.  Keeps errno. */
void actor_self(void);

#endif
