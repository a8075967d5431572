/* The decisions about a run: every value checked and sized, one part for each stage.  Const once made; everything that
 * can be refused without changing the host is refused here. */
#ifndef CTR_PLAN_H
#define CTR_PLAN_H

#include "common/err.h"
#include "entry/plan/options.h"
#include "entry/plan/plan_fields.h"
#include "entry/plan/resources.h"

#include <stdio.h>

/* Judges o, which must outlive the plan.  -1 with all refusals: each names the variable, its value and what is
 * accepted.  Call plan_free then too. */
int plan_make(const struct options *o, const struct resources *r, struct plan *plan, struct refusals *refused);

/* Chooses the VM's users again, when another VM has claimed them (netsetup/claim.h).  -1 with err. */
int plan_draw_uids(struct plan *plan, struct err *err);

/* nat, takeover or none. */
const char *plan_network_name(const struct plan *plan);

/* As JSON, for --dry-run.  -1 with err. */
int plan_print(const struct plan *plan, FILE *out, struct err *err);

void plan_free(struct plan *plan);

#endif
