/* Firecracker's version, and which features need which version. */
#ifndef CTR_VERSION_H
#define CTR_VERSION_H

#include "common/err.h"

#include <stdbool.h>

struct vmm_plan;

/* text: "1.12.1".  -1 with err if the version is too old for us, or lacks a feature that the plan asks for. */
int version_check(const char *text, const struct vmm_plan *plan, struct err *err);

/* Whether a paused VM works again after this version resumes it: 1.16.0 and 1.16.1 hold back all vsock packets to the
 * guest for ever (Firecracker's pull request 6100). */
bool version_resumes(const char *text);

#endif
