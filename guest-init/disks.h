/* What is mounted in the guest besides its root: the data disk and the volumes. */
#ifndef CTR_GUEST_DISKS_H
#define CTR_GUEST_DISKS_H

#include "common/err.h"

/* Mounts what settings (common/settings.h) name at this depth (folders_depth), in the root filesystem that mounts_root
 * has made.  Creates missing folders.  -1 with err. */
int disks_mount(char *const *settings, unsigned depth, struct err *err);

/* The greatest depth there is. */
unsigned disks_deepest(char *const *settings);

#endif
