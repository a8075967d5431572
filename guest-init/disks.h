/* What is mounted in the guest besides its root: the data disk and the volumes. */
#ifndef CTR_GUEST_DISKS_H
#define CTR_GUEST_DISKS_H

#include "common/err.h"

/* Mounts what settings (common/settings.h) name, in the root filesystem that mounts_root has made.  Missing
 * folders are made.  -1 with err. */
int disks_mount(char *const *settings, struct err *err);

#endif
