/* Runs one of iptables' programs. */
#ifndef CTR_NETSETUP_TOOL_H
#define CTR_NETSETUP_TOOL_H

#include "common/buf.h"
#include "common/err.h"
#include "common/run.h"

/* Runs argv with input (may be NULL) as its stdin, collects its stdout in out (may be NULL).  0; or -1 with err, which
 * has the first line of the program's own message. */
int tool_run(const char *const argv[], const char *input, struct buf *out, struct err *err);

/* The end of a run that was started and fed: the same result, name being the program's. */
int tool_finish(struct run *run, const char *name, struct buf *out, struct err *err);

#endif
