/* Mounts of the container that the guest does not see, to the surprise of users of `docker run -v`. */
#ifndef CTR_UNSEEN_H
#define CTR_UNSEEN_H

#include "entry/plan/plan.h"

/* Warns, in one line, of the user's mounts that neither the tree nor an option has, and names the VM_VOLUMES that would
 * carry them.  Only of a container that was made for this VM: other mounts are not there for it. */
void unseen_warn(const struct options *o, const struct plan *plan);

/* The same for a mountinfo text, which is changed: appends the mount points to places, each with its NUL.  For tests.
 */
void unseen_find(char *mountinfo, const struct options *o, const struct plan *plan, struct buf *places);

#endif
