/* What each main does first: our programs do not depend on what their caller has set for itself. */
#ifndef CTR_BEGIN_H
#define CTR_BEGIN_H

#include "common/err.h"

/* Files get the modes that they are made with (umask); children can be waited for, also where the caller ignores
 * SIGCHLD; the stack is large enough (common/limits.h).  -1 with err when it cannot be made so. */
int begin(struct err *err);

#endif
