/* A VM's directory in /run/ctr-jailer, owned by root, mode 0700: the one place of its names.
 *
 *   state.json  what is known of the VM (entry/life/state.h); replaced whole, by rename
 *   control     the socket that ctr-jailer speaks to (common/local.h)
 *   lock        held (flock(2)) while the VM lives, and by its keeper until all is undone
 *
 * Whoever holds a directory's lock may change or remove the directory; if nobody holds the lock, a killed VM left the
 * directory behind.  A lock counts only if its file is still called lock in the directory after we got it: the previous
 * holder may have removed both. */
#ifndef CTR_RUNDIR_H
#define CTR_RUNDIR_H

#include "common/err.h"
#include "common/local.h"

#include <stddef.h>

struct rundir {
    char base[LOCAL_PATH], path[LOCAL_PATH];
    int dir, lock; /* -1: none */
};
#define RUNDIR_NONE                                                                                                    \
    {                                                                                                                  \
        .dir = -1, .lock = -1                                                                                          \
    }

/* Makes base, removes dead VMs' directories in it, and makes and locks the VM's.  *r is a RUNDIR_NONE.  -1 with err,
 * and nothing made: the id is taken, or base cannot be written. */
int rundir_make(struct rundir *r, const char *base, const char *id, struct err *err);

/* Removes dead VMs' directories in base, and base if that becomes empty.  -1 with errno if base is not root's alone. */
int rundir_clear(const char *base);

/* Replaces state.json. */
int rundir_write(const struct rundir *r, const void *text, size_t len, struct err *err);

/* Removes the directory, base if that becomes empty, and then releases the lock.  Takes a struct rundir. */
void rundir_remove(void *r);

#endif
