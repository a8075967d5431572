/* Creates directories on the way to a file or mount point. */
#ifndef CTR_GUEST_FOLDERS_H
#define CTR_GUEST_FOLDERS_H

#include <sys/types.h>

/* Makes the folders above path that are missing; path is unchanged when this returns.  A failure shows later, when path
 * itself is created. */
void folders_above(char *path);

/* Makes the folder at path, and those above it, where it is missing: mode is the last one's.  Links are followed, also
 * those whose targets are not there yet: these are what is made, as runc does for its mounts (SecureJoin and MkdirAll
 * in libcontainer/rootfs_linux.go).  -1 with errno: ENOTDIR when something else is in the way, ELOOP. */
int folders_make(const char *path, mode_t mode);

/* How many folders lead to it: /a/b is 2, / is 0. */
unsigned folders_depth(const char *path);

#endif
