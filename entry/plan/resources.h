/* The resources that this machine and our cgroup allow a VM. */
#ifndef CTR_RESOURCES_H
#define CTR_RESOURCES_H

#include "common/err.h"
#include "entry/host/cgroup.h"

#include <stdint.h>

struct resources {
    unsigned cpus;      /* usable: affinity, and the cgroup's quota rounded up; at least 1 */
    uint64_t total;     /* bytes of memory: the machine's */
    uint64_t available; /* bytes available without swapping, by the kernel's estimate */
    uint64_t limit;     /* bytes that the tightest cgroup allows; UINT64_MAX: no limit */
};

/* Reads cgroup v2 or v1; what cannot be read counts as no limit. */
struct resources resources_read(void);

/* Guest memory in MiB if MEM_SIZE_MIB is not set: the available memory minus the needs of the host, the VMM and entry.
 */
uint64_t resources_guest_mib(const struct resources *r);

/* Sets err to the reason why a guest cannot have this many MiB, and to what to do. */
void resources_explain(const struct resources *r, uint64_t least_mib, struct err *err);

/* Narrows r down to what a cgroup's settings will let the VM have. */
void resources_narrow(struct resources *r, const struct cgroup_plan *plan);

/* Parsers, separate for their tests.  CPUs in a cgroup v2 "quota period" text, rounded up; 0 for "max" or anything
 * malformed. */
unsigned resources_cpu_max(const char *text);
/* Bytes in a memory limit file; UINT64_MAX for "max", malformed, or v1's page-rounded "unlimited". */
uint64_t resources_memory_limit(const char *text);

#endif
