/* A VM's folder in /run/ctr-jailer, 0700 of root: the one place of its names.
 *
 *   state.json  what is known of the VM (entry/life/state.h); replaced whole, by rename
 *   control     the socket that ctr-jailer speaks to (common/local.h)
 *   lock        held (flock(2)) while the VM lives, and by its keeper until all is undone
 *
 * Whoever holds the lock of a folder may do with it what it likes; a folder whose lock nobody holds is what a killed VM
 * left.  The lock counts when it is still called lock in the folder once it is had: the one before may have removed
 * both. */
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

/* Makes base and the VM's folder in it, after removing those of dead VMs, and locks that.  *r is a RUNDIR_NONE.  -1
 * with err, and nothing made: the id is taken, or base cannot be written. */
int rundir_make(struct rundir *r, const char *base, const char *id, struct err *err);

/* Replaces state.json. */
int rundir_write(const struct rundir *r, const void *text, size_t len, struct err *err);

/* Removes the folder, base when it was the last one in it, and then lets go of the lock.  Takes a struct rundir. */
void rundir_remove(void *r);

#endif
