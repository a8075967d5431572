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

/* The fallback of beneath_open for kernels and emulators without openat2: opens a component at a time.  Separate for
 * its test. */
int beneath_walk(int dir, const char *path, int flags, mode_t mode);

#endif
