/* Ends a VM, and removes its record. */
#ifndef CTR_CTL_STOP_H
#define CTR_CTL_STOP_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Stops a VM (without an id: the only one), kills its command after that many seconds, and waits until the VM has
 * ended.  This process is confined for ever (common/confine.h).  -1 with err. */
int stop_vm(const char *id, uint64_t seconds, struct err *err);

/* The same in a process of its own, for a stop that is not the last thing to do. */
int stop_first(const char *id, uint64_t seconds, struct err *err);

/* Removes a VM's record (ctl/record.h); force: ends the VM first, at once.  -1 with err. */
int rm_record(const char *root, const char *id, bool force, struct err *err);

#endif
