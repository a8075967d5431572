/* Shares: directories and files of the host, mounted in the guest.  Each has a process, the relay, that copies between
 * the guest's kernel and the host (guest-init/relay.h). */
#ifndef CTR_INIT_SHARES_H
#define CTR_INIT_SHARES_H

#include "common/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Mounts a share as the value of SETTING_SHARE says.  path, the end of value, is the mount point, which must exist.
 * covered: something else is mounted below it.  -1 with err. */
int shares_mount(const char *value, const char *path, bool covered, struct err *err);

/* Whether the value's share is a file. */
bool shares_is_file(const char *value);

/* Whether there are shares. */
bool shares_any(void);

/* Whether the process is a relay, which must outlive all that uses its share. */
bool shares_is_relay(pid_t pid);

#endif
