/* Firecracker's version, and what needs which. */
#ifndef CTR_VERSION_H
#define CTR_VERSION_H

#include "common/err.h"

struct vmm_plan;

/* text: "1.12.1".  -1 with err when that is older than all we work with, or the plan asks for what it lacks. */
int version_check(const char *text, const struct vmm_plan *plan, struct err *err);

#endif
