/* Opens files of a directory that another user can write to, without ever leaving it, whatever is renamed or linked
 * meanwhile (openat2(2)). */
#ifndef CTR_BENEATH_H
#define CTR_BENEATH_H

#include <fcntl.h>
#include <sys/types.h>

/* Opens path, which is relative, below the directory dir, close-on-exec; flags and mode as for openat.  No symbolic
 * link is followed in any component (errno ELOOP, or ENOTDIR), nor is a "..".  Mounts below dir are crossed.  -1 with
 * errno. */
int beneath_open(int dir, const char *path, int flags, mode_t mode);

/* The same by openat, one component at a time, for a path of any length.  For kernels and emulators without openat2
 * (beneath_open then calls this), and for processes that may not call it. */
int beneath_walk(int dir, const char *path, int flags, mode_t mode);

#endif
