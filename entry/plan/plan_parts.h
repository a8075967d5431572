/* What the files that make the plan share; plan.h is for everybody else. */
#ifndef CTR_PLAN_PARTS_H
#define CTR_PLAN_PARTS_H

#include "common/err.h"
#include "entry/disks/drives.h"
#include "entry/plan/options.h"

/* Sets err to the variable, its value and what is accepted.  Always -1. */
int plan_refuse(struct err *err, const struct options *o, enum option option, const char *accepted);

/* Fills in what the options say of disks: all but id, uid and gid.  -1 with err. */
int plan_drives(const struct options *o, struct drives_plan *d, struct err *err);
void plan_drives_free(struct drives_plan *d);

#endif
