/* The VM, made on the host in stages, watched until it ends, and undone in reverse. */
#ifndef CTR_STAGES_H
#define CTR_STAGES_H

#include "common/err.h"
#include "entry/plan/plan.h"

#include <stdint.h>

/* begun: when entry started (loop_now).  May draw the plan's uids again.  The command's exit status, or -1 with err. */
int stages_run(struct plan *plan, uint64_t begun, struct err *err);

/* Even a start that fails before its network stage cleans up after dead VMs in this namespace, so that their clients
 * are reset now rather than at the next start that succeeds.  Without the permission to do so, this changes nothing:
 * the start already reports a more important error. */
void stages_clear_dead(void);

#endif
