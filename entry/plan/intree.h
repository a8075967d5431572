/* The tree that becomes the guest's root, seen as the guest will see it. */
#ifndef CTR_INTREE_H
#define CTR_INTREE_H

#include "common/buf.h"

/* Opens a path, with every link followed as if the tree were the root: an O_PATH descriptor, or -1 with errno. */
int intree_open(const char *tree, const char *path);

/* The same, but a link at the end of the path is opened itself. */
int intree_open_itself(const char *tree, const char *path);

/* The text of a regular file of at most max bytes; owned by the caller.  NULL with errno. */
char *intree_read(const char *tree, const char *path, unsigned long max);

/* Where a command without a slash is looked for: PATH of these NAME=value strings, each with its NUL, or what the
 * guest's init sets (guest-init/command.c). */
const char *intree_search_path(const struct buf *environment);

#endif
