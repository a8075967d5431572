/* Files that a process may open (landlock(7), Linux Documentation/userspace-api/landlock.rst): a second wall beside
 * file modes, where the kernel has it. */
#ifndef CTR_LANDLOCK_H
#define CTR_LANDLOCK_H

#include "common/err.h"

#include <stdbool.h>

/* From now on this process can open regular files below the directory (a descriptor, also an O_PATH one) for reading;
 * it can open, make, change and remove nothing else.  Open files stay open.  Call it after no_new_privs.  0, even
 * without Landlock, which a debug line reports; or -1 with err. */
int landlock_read_below(int folder, struct err *err);

/* The same for a process that packs the folder: it also lists folders. */
int landlock_list_below(int folder, struct err *err);

/* The same for a process that fills the folder: below it, it makes and writes regular files, makes folders and links
 * (and, if special, devices and FIFOs), and removes everything except folders.  It opens no file for reading.  Landlock
 * says nothing about modes, owners, times and attributes. */
int landlock_make_below(int folder, bool special, struct err *err);

/* The same with special, for a process that also lists and removes folders. */
int landlock_replace_below(int folder, struct err *err);

/* The same for the server of a share: below the folder, it can do everything except make devices. */
int landlock_all_below(int folder, struct err *err);

#endif
