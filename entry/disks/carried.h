/* What is mounted inside the tree that becomes the guest's root. */
#ifndef CTR_CARRIED_H
#define CTR_CARRIED_H

#include "common/err.h"

#include <stdbool.h>

/* Takes proc, sysfs, devices and the like off the tree, in our own mount namespace: they are this machine's.  *carried:
 * whether all else that is mounted inside is the user's, and the guest's; not so when the tree has this container's own
 * mounts in it, as / and the folder above dir have.  -1 with err. */
int carried_prepare(const char *tree, const char *dir, bool *carried, struct err *err);

#endif
