/* Whether a plan fits this host and the tree: finds what the jailer, Firecracker or the guest's init would refuse
 * later. */
#ifndef CTR_FITS_H
#define CTR_FITS_H

#include "entry/plan/plan.h"

/* Checks the CPU, the cgroups, and a tree's users, working directory and command.  Sealed images, and the content of
 * disks and volumes, are left to the guest.  Skips what the plan has refused already.  Changes nothing.  The exit
 * status: 0, or with refusals 125; 126 or 127 if the command's file is all that is refused. */
int fits_check(const struct plan *plan, struct refusals *refused);

#endif
