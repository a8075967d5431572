/* A control group of the VM's own, below the one that we are in: so the limits of the container hold for it too.
 * The jailer writes the values (its --cgroup) and moves itself there.  Without a setting there is none, and
 * Firecracker stays in the group that we are in. */
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

/* Whether the controllers of the plan, and its files, are there.  Changes nothing.  -1 with err. */
int cgroup_check(const struct cgroup_plan *plan, struct err *err);

struct cgroup {
    struct lockdir dirs[CGROUP_SETTINGS]; /* v2: one; v1: one for each hierarchy */
    unsigned count;
    char parent[LOCKDIR_PATH];                 /* for the jailer: relative to the mounts */
    const char *args[6 + 2 * CGROUP_SETTINGS]; /* the jailer's, up to a NULL */
};

/* Removes what dead VMs left in the group that we are in, and makes and locks the VM's; in v2 that moves us (and,
 * when we are at the root of what a container sees, every process there) into another one beside it, as only a group
 * without processes can have parts.  *c is zeroed; -1 with err, and cgroup_remove is wanted then too. */
int cgroup_make(const struct cgroup_plan *plan, struct cgroup *c, struct err *err);

/* Takes a struct cgroup. */
void cgroup_remove(void *c);

#endif
