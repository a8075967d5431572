/* Shared by the files that make the plan; all other files include plan.h. */
#ifndef CTR_PLAN_PARTS_H
#define CTR_PLAN_PARTS_H

#include "common/err.h"
#include "entry/disks/drives.h"
#include "entry/plan/options.h"

/* What VM_VOLUMES calls it. */
const char *plan_volume_mode(enum volume_kind kind);

/* The volumes of VM_VOLUMES, which d->volumes keeps the text of; d has its data disk already.  -1 with err. */
int plan_volumes(const struct options *o, struct drives_plan *d, struct err *err);

/* Decides the plan's disks, which have the options' values already: everything except id, uid and gid. */
void plan_drives(const struct options *o, struct drives_plan *d, struct refusals *refused);

/* The settings of VM_SYSCTLS, as NAME=value strings, each with its NUL.  -1 with err. */
int plan_sysctls(const struct options *o, struct buf *out, struct err *err);

struct plan;

/* Decides VM_NETWORK=auto, and makes the plan for takeover, once nat's has its id, users and local nameservers. */
void plan_takeover(const struct options *o, struct plan *plan, struct refusals *refused);

void plan_drives_free(struct drives_plan *d);

#endif
