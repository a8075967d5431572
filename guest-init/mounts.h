/* The guest's filesystems. */
#ifndef CTR_INIT_MOUNTS_H
#define CTR_INIT_MOUNTS_H

#include "common/err.h"

/* Mounts /dev, /proc and /sys in the initramfs, and opens stdin, stdout and stderr on the console. */
int mounts_early(struct err *err);

/* Mounts the root disk according to the settings (NAME=value strings), and makes it the root, with /proc, /sys and
 * /dev. */
int mounts_root(char *const *settings, struct err *err);

/* Mounts what else software expects at this depth (folders_depth; MOUNTS_DEEPEST at most): pts, shm and mqueue in /dev,
 * cgroup2, and hosts, hostname and resolv.conf in /etc. */
enum { MOUNTS_DEEPEST = 3 };
int mounts_own(char *const *settings, unsigned depth, struct err *err);

/* Makes the root read-only if the settings say so; what is mounted in it stays as it is. */
int mounts_protect(char *const *settings, struct err *err);

/* Unmounts what can be, so that filesystems are clean.  To be called when no other process is left. */
void mounts_end(void);

#endif
