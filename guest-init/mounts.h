/* The guest's filesystems. */
#ifndef CTR_INIT_MOUNTS_H
#define CTR_INIT_MOUNTS_H

#include "common/err.h"

/* /dev /proc /sys in the initramfs, and stdin to stderr on the console. */
int mounts_early(struct err *err);

/* Mounts the root disk as settings (NAME=value strings) tell, with all that software expects in it: /proc,
 * /sys, cgroup2, /dev with pts, shm and mqueue, /etc/hosts, hostname and resolv.conf; and makes it the
 * root. */
int mounts_root(char *const *settings, struct err *err);

/* Unmounts what can be, so that filesystems are clean.  To be called when no other process is left. */
void mounts_end(void);

#endif
