/* What the container outside of the VM may do: the line of least privilege in docs/security.md, and no more, whatever
 * the engine gave the image's process. */
#ifndef CTR_OCI_GRANTS_H
#define CTR_OCI_GRANTS_H

#include "common/json.h"

#include <stdbool.h>

enum grants_need { GRANTS_NOTHING, GRANTS_ENTRY, GRANTS_ENTRY_ON_HOST /* with host networking */ };

/* process.cwd, user, capabilities and noNewPrivileges: entry and `ctr-jailer exec` begin as root. */
void grants_process(struct json *j, enum grants_need need);

/* linux.devices, and the value of linux.resources.devices. */
void grants_devices(struct json *j);
void grants_device_rules(struct json *j);

/* Whether every container has the device, or ours has. */
bool grants_has_device(const char *path);

#endif
