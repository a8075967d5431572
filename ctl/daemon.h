/* A VM in the background: its entry, and the processes that keep its output and its exit code. */
#ifndef CTR_CTL_DAEMON_H
#define CTR_CTL_DAEMON_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct daemon_plan {
    const char *root, *id;
    const char *program;     /* entry's path */
    const char *const *argv; /* its arguments */
    const struct buf *about; /* for the record (ctl/record.h) */
    bool remove;             /* the record, once the VM has ended */
};

/* Starts it with this process's environment, and waits until its Firecracker runs, or it has ended.  *pid becomes
 * entry's.  Returns 0; or 125 if it could not start, after its stderr has been printed, with nothing left behind; or -1
 * with err. */
int daemon_start(const struct daemon_plan *plan, pid_t *pid, struct err *err);

#endif
