/* The guest's life with its command: from its start to its end, as entry asks. */
#ifndef CTR_INIT_SERVE_H
#define CTR_INIT_SERVE_H

#include "common/err.h"

/* control is the connection to entry.  Returns once entry knows how the command ended, or has gone.  No
 * other process is left then. */
void serve(int control, char *const *command, char *const *env);

/* Tells entry that the guest could not get as far as the command, and waits until it knows. */
void serve_failure(int control, const struct err *err);

#endif
