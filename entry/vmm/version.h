/* Firecracker's version, and what needs which. */
#ifndef CTR_VERSION_H
#define CTR_VERSION_H

#include "common/err.h"

#include <stdbool.h>

struct vmm_plan;

/* text: "1.12.1".  -1 with err when that is older than all we work with, or the plan asks for what it lacks. */
int version_check(const char *text, const struct vmm_plan *plan, struct err *err);

/* Whether this version resumes a VM that was paused as it was: 1.16.0 and 1.16.1 hold back all vsock packets to the
 * guest for ever (Firecracker's pull request 6100). */
bool version_resumes(const char *text);

#endif
