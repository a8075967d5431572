/* Which options (docs/options.md) a container may set for its own VM, by its environment or annotations: none that
 * names a program, a path of the host, a kernel or its command line, a cgroup, or that opens the guest's network. */
#ifndef CTR_OCI_ALLOWED_H
#define CTR_OCI_ALLOWED_H

#include <stddef.h>

enum { ALLOWED_COUNT = 19 };

/* The option's place in the list, which has ALLOWED_COUNT, by the len bytes of its name; -1: not allowed. */
int allowed_find(const char *name, size_t len);

/* The name of that place. */
const char *allowed_name(int place);

#endif
