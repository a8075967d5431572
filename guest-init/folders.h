/* Creates directories on the way to a file or mount point. */
#ifndef CTR_GUEST_FOLDERS_H
#define CTR_GUEST_FOLDERS_H

#include <sys/types.h>

/* Creates the folders above path that are missing; path is unchanged when this returns.  A failure shows later, when
 * path itself is created. */
void folders_above(char *path);

/* Creates the folder at path, with this mode, and those above it, where they are missing.  Links are followed, even
 * dangling ones: their targets are then created, as runc does for its mounts (SecureJoin and MkdirAll in
 * libcontainer/rootfs_linux.go).  -1 with errno: ENOTDIR when something else is in the way, ELOOP. */
int folders_make(const char *path, mode_t mode);

/* How many folders lead to it: /a/b is 2, / is 0. */
unsigned folders_depth(const char *path);

#endif
