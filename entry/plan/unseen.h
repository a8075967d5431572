/* Mounts of the container that the guest does not see, which nobody expects of `docker run -v`. */
#ifndef CTR_UNSEEN_H
#define CTR_UNSEEN_H

#include "entry/plan/plan.h"

/* Warns of the user's mounts that neither the tree nor an option has, in one line, with what VM_VOLUMES would carry
 * them. Only of a container that was made for this VM: other mounts are not there for it. */
void unseen_warn(const struct options *o, const struct plan *plan);

/* The same of a mountinfo text, which is changed: appends their places to places, each with its NUL.  For tests. */
void unseen_find(char *mountinfo, const struct options *o, const struct plan *plan, struct buf *places);

#endif
