/* How the jailer or Firecracker ended, told in one line: what it was, their own last words, and what to do. */
#ifndef CTR_FAILURE_H
#define CTR_FAILURE_H

#include "common/err.h"

#include <stdbool.h>

/* What the jail's first process writes to its report pipe: the errno of a failed start, or a wait status. */
struct failure_report {
    int failed;
    int status;
};

/* Once all processes of the jail have ended: reads the report pipe and sets err, in place of what it says.  said is
 * what they printed, logged is Firecracker's log; either may be NULL.  False, with err as it was, when Firecracker
 * ended with status 0, as it does when its guest reboots. */
bool failure_explain(int report, const char *said, const char *logged, struct err *err);

/* Adds what to do about a message of Firecracker's or the jailer's to an error that has it, where that is known. */
void failure_hint(const char *message, struct err *err);

#endif
