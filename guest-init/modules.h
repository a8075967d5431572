/* Kernel modules, for kernels that do not have everything built in. */
#ifndef CTR_INIT_MODULES_H
#define CTR_INIT_MODULES_H

#include "common/err.h"

/* Loads the modules that /lib/modules/RELEASE/order lists, in that order, and removes their files, because the
 * initramfs is memory.  RELEASE is the running kernel's.  Without the list, does nothing.  -1 with err at the first
 * module that the kernel refuses. */
int modules_load(struct err *err);

#endif
