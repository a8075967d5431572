/* Runs the guest's commands at entry's request, from the start of the first one to its end. */
#ifndef CTR_INIT_SERVE_H
#define CTR_INIT_SERVE_H

#include "common/err.h"
#include "guest-init/command.h"

struct serve_plan {
    struct command command;    /* the VM's purpose */
    uint32_t rows, columns;    /* of its terminal */
    bool (*spared)(pid_t pid); /* processes that outlive the command, for what is still to be written; NULL: none */
    int busybox;               /* a program for execs that ask for it; -1: there is none */
    uint64_t begun;            /* when this process started: loop_now's clock, which starts with the kernel */
};

/* control is the connection to entry.  Returns once entry knows how the command ended, or has gone.  No
 * other process is left then. */
void serve(int control, const struct serve_plan *plan);

/* Reports to entry that the guest could not start the command, and waits until entry knows. */
void serve_failure(int control, const struct err *err);

#endif
