/* Tells in one line how the jailer or Firecracker ended: the cause, the program's last message, and what to do. */
#ifndef CTR_FAILURE_H
#define CTR_FAILURE_H

#include "common/err.h"

#include <stdbool.h>

/* What the jail's first process writes to its report pipe: the errno of a failed start, or a wait status. */
struct failure_report {
    int failed;
    int status;
};

/* Once all processes of the jail have ended: reads the report pipe and sets err, replacing its text.  said is the
 * output of these processes, logged is Firecracker's log; either may be NULL.  False, with err unchanged, if
 * Firecracker ended with exit status 0, as it does when its guest reboots. */
bool failure_explain(int report, const char *said, const char *logged, struct err *err);

/* Adds advice to an error that contains a known message of Firecracker's or the jailer's. */
void failure_hint(const char *message, struct err *err);

#endif
