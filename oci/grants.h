/* What the container outside of the VM may do: the line of least privilege in docs/security.md, and no more, whatever
 * the engine gave the image's process. */
#ifndef CTR_OCI_GRANTS_H
#define CTR_OCI_GRANTS_H

#include "common/json.h"

#include <stdbool.h>

/* process.capabilities of entry; host_network: with what it needs there.  none: of a process that needs none. */
void grants_capabilities(struct json *j, bool host_network);
void grants_no_capabilities(struct json *j);

/* linux.devices, and the value of linux.resources.devices. */
void grants_devices(struct json *j);
void grants_device_rules(struct json *j);

/* Whether every container has the device, or ours has. */
bool grants_has_device(const char *path);

#endif
