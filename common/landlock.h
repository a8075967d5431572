/* Files that a process may open (landlock(7), Linux Documentation/userspace-api/landlock.rst): a second wall beside
 * file modes, where the kernel has it. */
#ifndef CTR_LANDLOCK_H
#define CTR_LANDLOCK_H

#include "common/err.h"

/* From now on this process opens regular files below the folder (a descriptor, also an O_PATH one) for reading; it
 * opens, makes, changes and removes nothing else.  What is open stays so.  After no_new_privs.  0, also without
 * Landlock, which a debug line tells; or -1 with err. */
int landlock_read_below(int folder, struct err *err);

#endif
