/* Kernel modules, for kernels that do not have everything built in. */
#ifndef CTR_INIT_MODULES_H
#define CTR_INIT_MODULES_H

#include "common/err.h"

/* Loads those that /lib/modules/RELEASE/order names, in its order, RELEASE being the running kernel's, and
 * removes their files: the initramfs is memory.  Without the list there is nothing to do.  -1 with err at the
 * first that the kernel refuses. */
int modules_load(struct err *err);

#endif
