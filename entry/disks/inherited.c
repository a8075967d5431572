#include "entry/disks/inherited.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/limits.h"
#include "common/settings.h"
#include "common/units.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>

/* Per-namespace settings that servers are tuned with, and the value of each in a new namespace (Linux
 * Documentation/admin-guide/sysctl, networking/ip-sysctl.rst).  Routing settings are not among them: netsetup owns
 * those.  A second value is one that Docker or systemd sets by default. */
static const struct {
    const char *path, *usual, *other;
} sysctls[] = {
    {"fs/mqueue/msg_default", "10", NULL},
    {"fs/mqueue/msg_max", "10", NULL},
    {"fs/mqueue/msgsize_default", "8192", NULL},
    {"fs/mqueue/msgsize_max", "8192", NULL},
    {"fs/mqueue/queues_max", "256", NULL},
    {"kernel/msgmax", "8192", NULL},
    {"kernel/msgmnb", "16384", NULL},
    {"kernel/msgmni", "32000", NULL},
    {"kernel/sem", "32000 1024000000 500 32000", NULL},
    {"kernel/shm_rmid_forced", "0", NULL},
    {"kernel/shmall", "18446744073692774399", NULL},
    {"kernel/shmmax", "18446744073692774399", NULL},
    {"kernel/shmmni", "4096", NULL},
    {"net/core/somaxconn", "4096", NULL},
    {"net/ipv4/ip_default_ttl", "64", NULL},
    {"net/ipv4/ip_local_port_range", "32768 60999", NULL},
    {"net/ipv4/ip_local_reserved_ports", "", NULL},
    {"net/ipv4/ip_unprivileged_port_start", "1024", "0"},
    {"net/ipv4/ping_group_range", "1 0", "0 2147483647"},
    {"net/ipv4/tcp_congestion_control", "cubic", NULL},
    {"net/ipv4/tcp_ecn", "2", NULL},
    {"net/ipv4/tcp_fastopen", "1", NULL},
    {"net/ipv4/tcp_fin_timeout", "60", NULL},
    {"net/ipv4/tcp_keepalive_intvl", "75", NULL},
    {"net/ipv4/tcp_keepalive_probes", "9", NULL},
    {"net/ipv4/tcp_keepalive_time", "7200", NULL},
    {"net/ipv4/tcp_mtu_probing", "0", NULL},
    {"net/ipv4/tcp_notsent_lowat", "4294967295", NULL},
    {"net/ipv4/tcp_retries1", "3", NULL},
    {"net/ipv4/tcp_retries2", "15", NULL},
    {"net/ipv4/tcp_slow_start_after_idle", "1", NULL},
    {"net/ipv4/tcp_syn_retries", "6", NULL},
    {"net/ipv4/tcp_synack_retries", "5", NULL},
    {"net/ipv4/tcp_syncookies", "1", NULL},
    {"net/ipv4/tcp_tw_reuse", "2", NULL},
    {"net/unix/max_dgram_qlen", "10", "512"},
};

static bool is_usual(const struct limits_row *row, const struct rlimit *limit)
{
    struct rlimit pending;
    rlim_t usual = row->usual.rlim_max;
    if (row->resource == RLIMIT_NPROC) { /* the kernel's initial value, or missing: the guest keeps its own */
        cleanup_free char *threads = io_read_file(AT_FDCWD, "/proc/sys/kernel/threads-max", 64, NULL);
        getrlimit(RLIMIT_SIGPENDING, &pending);
        return limit->rlim_max == RLIM_INFINITY || limit->rlim_max == pending.rlim_max ||
               (threads && limit->rlim_max == strtoull(threads, NULL, 10) / 2);
    }
    if (row->resource == RLIMIT_MEMLOCK && limit->rlim_max == 64 * 1024)
        return limit->rlim_cur == limit->rlim_max; /* before Linux 5.16 */
    return limit->rlim_cur == row->usual.rlim_cur && limit->rlim_max == usual;
}

void inherited_limits(struct buf *out)
{
    for (int i = 0; i < LIMITS_COUNT; i++) {
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)limits_rows[i].resource, &limit) < 0)
            continue;
        if (limits_rows[i].resource == RLIMIT_STACK)
            limit = limits_stack_given();
        if (is_usual(&limits_rows[i], &limit))
            continue;
        buf_str(out, SETTING_LIMIT "=");
        limits_print(&limits_rows[i], &limit, out);
        buf_add(out, "", 1);
    }
}

/* Without CAP_SYS_RESOURCE a soft limit can still become the hard one. */
static void lift_limit(__rlimit_resource_t resource, rlim_t wanted)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    const struct rlimit both = {wanted, limit.rlim_max < wanted ? wanted : limit.rlim_max};
    if (setrlimit(resource, &both) < 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(resource, &limit);
    }
}

void inherited_lift(void)
{
    static const __rlimit_resource_t unlimited[] = {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NPROC};
    for (size_t i = 0; i < COUNT(unlimited); i++)
        lift_limit(unlimited[i], RLIM_INFINITY);
    lift_limit(RLIMIT_NOFILE, 1024);
    lift_limit(RLIMIT_STACK, 8 * MIB);
}

/* One line, with single spaces. */
static void normalize(char *text)
{
    char *out = text;
    for (char *word = strtok(text, " \t\n"); word; word = strtok(NULL, " \t\n")) {
        size_t len = strlen(word);
        if (out > text)
            *out++ = ' ';
        memmove(out, word, len);
        out += len;
    }
    *out = '\0';
}

void inherited_sysctls(int proc, struct buf *out)
{
    for (size_t i = 0; proc >= 0 && i < COUNT(sysctls); i++) {
        cleanup_free char *value = io_read_file(proc, sysctls[i].path, 4096, NULL);
        if (!value)
            continue;
        normalize(value);
        if (strcmp(value, sysctls[i].usual) == 0 || (sysctls[i].other && strcmp(value, sysctls[i].other) == 0))
            continue;
        buf_fmt(out, "%s=%s=%s", SETTING_SEEN_SYSCTL, sysctls[i].path, value);
        buf_add(out, "", 1);
    }
}

/* A tmpfs without a size holds half of the memory; the guest's holds half of the guest's memory. */
void inherited_shm(uint64_t bytes, uint64_t memory, struct buf *out)
{
    uint64_t half = memory / 2, distance = bytes > half ? bytes - half : half - bytes;
    if (bytes == 0 || distance < half / 64)
        return;
    buf_fmt(out, "%s=%llu", SETTING_SHM, (unsigned long long)bytes);
    buf_add(out, "", 1);
}

void inherited_settings(struct buf *out)
{
    struct statfs shm;
    struct sysinfo machine;
    cleanup_close int proc = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
    inherited_sysctls(proc, out);
    if (statfs("/dev/shm", &shm) == 0 && shm.f_type == TMPFS_MAGIC && sysinfo(&machine) == 0)
        inherited_shm((uint64_t)shm.f_blocks * (uint64_t)shm.f_bsize, (uint64_t)machine.totalram * machine.mem_unit,
                      out);
}
