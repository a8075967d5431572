#include "entry/plan/resources.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/meminfo.h"
#include "common/num.h"
#include "common/units.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

enum { FILE_MAX = 64 * 1024 };

/* Firecracker and the kernel's page tables and device state for one VM, and entry itself. */
#define VMM_OVERHEAD (96 * MIB)

unsigned resources_cpu_max(const char *text)
{
    unsigned long long quota, period;
    if (sscanf(text, "%llu %llu", &quota, &period) != 2 || period == 0 || quota == 0)
        return 0;
    unsigned long long cpus = (quota - 1) / period + 1;
    return cpus > CPU_SETSIZE ? CPU_SETSIZE : (unsigned)cpus;
}

uint64_t resources_memory_limit(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || (*end && *end != '\n') || errno || value >= UINT64_C(1) << 60)
        return UINT64_MAX;
    return value;
}

/* Applies one cgroup folder's limits. */
static void apply(struct resources *r, const char *dir, const char *memory, const char *cpu)
{
    char path[4096 + 64];
    snprintf(path, sizeof(path), "%s/%s", dir, memory);
    cleanup_free char *limit = io_read_file(AT_FDCWD, path, FILE_MAX, NULL);
    uint64_t bytes = limit ? resources_memory_limit(limit) : UINT64_MAX;
    if (bytes < r->limit)
        r->limit = bytes;
    if (!cpu)
        return;
    snprintf(path, sizeof(path), "%s/%s", dir, cpu);
    cleanup_free char *quota = io_read_file(AT_FDCWD, path, FILE_MAX, NULL);
    unsigned cpus = quota ? resources_cpu_max(quota) : 0;
    if (cpus && cpus < r->cpus)
        r->cpus = cpus;
}

/* Limits of every level apply, from our cgroup up to the root that we can see, and any level may have the lowest. */
static void apply_up(struct resources *r, const char *mount, const char *relative, const char *memory, const char *cpu)
{
    char dir[4096];
    snprintf(dir, sizeof(dir), "%s%s", mount, relative);
    while (strlen(dir) >= strlen(mount)) {
        apply(r, dir, memory, cpu);
        *strrchr(dir, '/') = '\0';
    }
}

/* v1 keeps the quota in two files. */
static void apply_v1_cpu(struct resources *r)
{
    cleanup_free char *quota = io_read_file(AT_FDCWD, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", FILE_MAX, NULL);
    cleanup_free char *period = io_read_file(AT_FDCWD, "/sys/fs/cgroup/cpu/cpu.cfs_period_us", FILE_MAX, NULL);
    if (!quota || !period || quota[0] == '-')
        return;
    char both[64];
    quota[strcspn(quota, "\n")] = '\0';
    snprintf(both, sizeof(both), "%.20s %.20s", quota, period);
    unsigned cpus = resources_cpu_max(both);
    if (cpus && cpus < r->cpus)
        r->cpus = cpus;
}

/* /proc/self/cgroup has a line "N:controllers:/path" for each hierarchy; v2's is "0::/path". */
static void apply_cgroups(struct resources *r)
{
    cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/self/cgroup", FILE_MAX, NULL);
    for (char *line = text; line && *line;) {
        char *end = strchrnul(line, '\n'), *next = *end ? end + 1 : end;
        *end = '\0';
        char *path = strchr(line, ':');
        path = path ? strchr(path + 1, ':') : NULL;
        if (path && strncmp(line, "0::", 3) == 0)
            apply_up(r, "/sys/fs/cgroup", path + 1, "memory.max", "cpu.max");
        else if (path && memmem(line, (size_t)(path - line), ":memory", 7))
            apply_up(r, "/sys/fs/cgroup/memory", path + 1, "memory.limit_in_bytes", NULL);
        line = next;
    }
    /* A container without a cgroup namespace sees only its own v1 group, at the top of the mount. */
    apply(r, "/sys/fs/cgroup/memory", "memory.limit_in_bytes", NULL);
    apply_v1_cpu(r);
}

struct resources resources_read(void)
{
    struct resources r = {.cpus = 1, .limit = UINT64_MAX};
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        r.cpus = (unsigned)CPU_COUNT(&set);
    cleanup_free char *meminfo = io_read_file(AT_FDCWD, "/proc/meminfo", FILE_MAX, NULL);
    if (meminfo) {
        r.total = meminfo_bytes(meminfo, "MemTotal");
        r.available = meminfo_bytes(meminfo, "MemAvailable");
    }
    apply_cgroups(&r);
    return r;
}

/* Bytes that the host can spare.  The host keeps an eighth of its memory, and at least 128 MiB, out of the memory that
 * is available now. */
static uint64_t host_spares(const struct resources *r)
{
    uint64_t reserve = r->total / 8 > 128 * MIB ? r->total / 8 : 128 * MIB;
    return r->available > reserve ? r->available - reserve : 0;
}

uint64_t resources_guest_mib(const struct resources *r)
{
    uint64_t host = host_spares(r), guest = host < r->limit ? host : r->limit;
    return guest > VMM_OVERHEAD ? (guest - VMM_OVERHEAD) / MIB : 0;
}

void resources_explain(const struct resources *r, uint64_t least_mib, struct err *err)
{
    unsigned long long least = least_mib, needed = least_mib + VMM_OVERHEAD / MIB, host = host_spares(r) / MIB;
    bool limited = r->limit / MIB <= host;
    if (limited)
        err_set(err, "the memory limit of %llu MiB is too low", (unsigned long long)(r->limit / MIB));
    else
        err_set(err, "this machine can spare only %llu MiB of memory", host);
    err_hint(err, "a guest needs at least %llu MiB, and Firecracker and entry need %llu: %s", least, needed - least,
             limited ? "raise it, for example docker run --memory 256m" : "free some, or set MEM_SIZE_MIB");
}

void resources_narrow(struct resources *r, const struct cgroup_plan *plan)
{
    static const char *const memory[] = {"memory.max", "memory.high", "memory.limit_in_bytes"};
    uint64_t bytes;
    for (size_t i = 0; i < COUNT(memory); i++) {
        const char *value = cgroup_value(plan, memory[i]);
        if (value && num_parse_size(value, 1, &bytes) == 0 && bytes < r->limit)
            r->limit = bytes;
    }
    const char *quota = cgroup_value(plan, "cpu.max");
    unsigned cpus = quota ? resources_cpu_max(quota) : 0;
    if (cpus && cpus < r->cpus)
        r->cpus = cpus;
}
