/* --purge: what dead VMs have left. */
#ifndef CTR_PURGE_H
#define CTR_PURGE_H

#include "common/err.h"
#include "entry/plan/options.h"

/* Removes from this host, or container, what each start also removes: dead VMs' run directories, jails, cgroups,
 * scratch files and networks.  Leaves alone what a VM that lives has locked.  -1 with err, after trying all of it. */
int purge(const struct options *o, struct err *err);

#endif
