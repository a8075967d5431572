/* The VM's own cgroup, below the one that we are in, so that the container's limits hold for it too.  Without a
 * setting, the VM has no cgroup of its own, and Firecracker stays in ours.
 *
 *   OURS/ctr-jailer-entry   v2 only: entry; and, where OURS is the root of what a container sees, all its processes
 *   OURS/ctr-jailer/ID      the VM's: the jailer, which becomes Firecracker
 *
 * In v2, a cgroup with processes cannot have children with controllers (cgroups(7), "no internal processes").  So entry
 * first moves aside, then enables each setting's controller in OURS and in OURS/ctr-jailer, and makes the VM's.  v1
 * needs none of that, and has such a directory in each hierarchy that a setting names.
 *
 * entry makes the directory, and locks it (lockdir.h); the jailer writes the values (its --cgroup) and moves itself
 * there.  A directory without a lock is a dead VM's, which the next start removes.  What was moved aside stays there:
 * other VMs may be in OURS/ctr-jailer by the time that this one ends. */
#ifndef CTR_CGROUP_H
#define CTR_CGROUP_H

#include "common/err.h"
#include "entry/host/lockdir.h"

enum { CGROUP_SETTINGS = 16, CGROUP_SETTING = 128 };

struct cgroup_plan {
    const char *id;
    char settings[CGROUP_SETTINGS][CGROUP_SETTING]; /* FILE=VALUE, as the jailer takes them */
    unsigned count;
};

/* Reads a list such as "cpu.weight=50 cpu.max=50000 100000": a word without = belongs to the value before.  -1 when it
 * is malformed. */
int cgroup_parse(const char *text, struct cgroup_plan *plan);

/* The value that the plan has for a cgroup file such as "memory.max"; NULL: none. */
const char *cgroup_value(const struct cgroup_plan *plan, const char *file);

/* Checks that the plan's controllers and files exist.  Changes nothing.  -1 with err. */
int cgroup_check(const struct cgroup_plan *plan, struct err *err);

struct cgroup {
    struct lockdir dirs[CGROUP_SETTINGS]; /* v2: one; v1: one for each hierarchy */
    unsigned count;
    char parent[LOCKDIR_PATH];                 /* for the jailer: relative to the mounts */
    const char *args[6 + 2 * CGROUP_SETTINGS]; /* the jailer's, up to a NULL */
};

/* Removes dead VMs' cgroups from the one that we are in, and makes and locks the VM's.  In v2, this moves us into
 * another cgroup beside the VM's, since only a cgroup without processes can have children with controllers; at the root
 * of what a container sees, it moves every process there.  *c must be zeroed.  -1 with err; call cgroup_remove then
 * too. */
int cgroup_make(const struct cgroup_plan *plan, struct cgroup *c, struct err *err);

/* Removes dead VMs' cgroups from the one that we are in. */
void cgroup_clear(void);

/* Takes a struct cgroup. */
void cgroup_remove(void *c);

#endif
