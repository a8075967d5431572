/* The member linux of a bundle: namespaces, cgroup and sysctls stay; devices are entry's. */
#ifndef CTR_OCI_LINUX_H
#define CTR_OCI_LINUX_H

#include "oci/walk.h"

#include <stdbool.h>

/* Writes the member.  *host_network: whether the container has the host's.  -1 with the walk's err. */
int linux_write(struct walk *w, int item, bool *host_network);

#endif
