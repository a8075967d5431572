/* Whether a plan fits this host and the tree: finds what the jailer, Firecracker or the guest's init would refuse
 * later. */
#ifndef CTR_FITS_H
#define CTR_FITS_H

#include "entry/plan/plan.h"

/* Checks the CPU, the cgroups, and a tree's users and working directory.  Sealed images, and the content of disks and
 * volumes, are left to the guest.  command: checks the command's file too, which a start leaves to the guest for its
 * exit codes 126 and 127.  Skips what the plan has refused already.  Changes nothing.  -1 with refusals. */
int fits_check(const struct plan *plan, bool command, struct refusals *refused);

#endif
