/* What reads an engine's JSON, of which much is anybody's (an image's, a user's), runs in a process that can do
 * nothing: no capability, and a seccomp filter under which it opens nothing and starts nothing. */
#ifndef CTR_OCI_CONFINED_H
#define CTR_OCI_CONFINED_H

#include "common/buf.h"
#include "common/err.h"

/* Appends to out, and strings with their NUL to warnings.  -1 with err. */
typedef int confined_work(const void *arg, struct buf *out, struct buf *warnings, struct err *err);

/* Runs work in such a process, and returns as it does; also -1 with err if the process ends without an answer. */
int confined_run(confined_work *work, const void *arg, struct buf *out, struct buf *warnings, struct err *err);

#endif
