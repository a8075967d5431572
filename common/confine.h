/* Confines a process that reads data from a guest. */
#ifndef CTR_CONFINE_H
#define CTR_CONFINE_H

#include "common/err.h"

#include <stdbool.h>

/* From now on this process can do what tar_unpack (common/unpack.h) does in the folder (a descriptor; O_PATH will do):
 * it has a seccomp filter, Landlock if the kernel supports it, and only the capabilities that override file modes and,
 * if exact, those that set everything that an archive records.  For a process that does nothing else.  -1 with err. */
int confine_unpacking(int folder, bool exact, struct err *err);

/* The same for what layer_apply (common/layer.h) does in the folder.  It sets no attributes in trusted.*. */
int confine_layer(int folder, struct err *err);

/* The same for what tar_pack (common/pack.h) does in the folder: it reads files of any owner, and lists directories.
 * With Landlock, it does not get outside even if somebody replaces a directory by a link.  -1 with err. */
int confine_packing(int folder, struct err *err);

/* The same for a process that reads regular files in the folder, with no capability. */
int confine_reading(int folder, struct err *err);

/* The same for a process that writes files in the folder, and renames them, with no capability. */
int confine_logging(int folder, struct err *err);

/* The same for a client that is connected: from now on it can copy its streams, set its terminal, and wait for a
 * child.  It has no capabilities.  -1 with err. */
int confine_client(struct err *err);

#endif
