/* Whether a plan fits this host and the tree: what would else be refused later, by the jailer, Firecracker or the
 * guest's init. */
#ifndef CTR_FITS_H
#define CTR_FITS_H

#include "entry/plan/plan.h"

/* Looks at the CPU, the cgroups, and a tree's users and working directory; a sealed image and what a disk or a volume
 * brings are left to the guest.  command: at the command's file too, which a start leaves to the guest, for its exit
 * codes 126 and 127.  What the plan has refused already is left out.  Changes nothing.  -1 with refusals. */
int fits_check(const struct plan *plan, bool command, struct refusals *refused);

#endif
