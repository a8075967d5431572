/* The mounts inside the tree that becomes the guest's root. */
#ifndef CTR_CARRIED_H
#define CTR_CARRIED_H

#include "common/err.h"

#include <stdbool.h>

/* Unmounts proc, sysfs, devices and the like from the tree, in our own mount namespace, since they belong to this
 * machine.  *carried: whether all other mounts inside are the user's, and thus the guest's.  They are not if the tree
 * contains this container's own mounts, as / and the directory above dir do.  -1 with err. */
int carried_prepare(const char *tree, const char *dir, bool *carried, struct err *err);

#endif
