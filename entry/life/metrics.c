#include "entry/life/metrics.h"

#include "common/array.h"
#include "common/io.h"
#include "common/meminfo.h"
#include "common/units.h"
#include "entry/vmm/balloon.h"
#include "entry/vmm/prometheus.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void one(struct buf *out, const char *id, struct prometheus m, double value)
{
    prometheus_head(out, &m);
    prometheus_sample(out, &m, id, NULL, NULL, value);
}

static void labelled(struct buf *out, const char *id, struct prometheus m, const char *label, const char *text)
{
    prometheus_head(out, &m);
    prometheus_sample(out, &m, id, label, text, 1);
}

static void fill_boot(struct buf *out, const char *id, const struct status_facts *f, const struct status_boot *b)
{
    static const struct prometheus m = {
        "boot_seconds", "gauge",
        "Time from the start of entry to that of Firecracker, the guest's kernel, its init "
        "and the command"};
    int64_t ms[STATUS_PHASES];
    status_phases(f, b, ms);
    prometheus_head(out, &m);
    for (int i = 0; i < STATUS_PHASES; i++)
        if (ms[i] >= 0)
            prometheus_sample(out, &m, id, "phase", status_phase_names[i], (double)ms[i] / 1000);
}

/* Memory figures of the guest's kernel, from the balloon. */
static void fill_memory(struct buf *out, const char *id, const uint64_t *figures)
{
    static const struct {
        enum balloon_figure figure;
        uint64_t unit;
        struct prometheus name;
    } rows[] = {
        {BALLOON_TARGET, MIB, {"balloon_target_bytes", "gauge", "Target size of the balloon"}},
        {BALLOON_ACTUAL, MIB, {"balloon_actual_bytes", "gauge", "Current size of the balloon"}},
        {BALLOON_TOTAL, 1, {"guest_memory_total_bytes", "gauge", "The guest's MemTotal"}},
        {BALLOON_FREE, 1, {"guest_memory_free_bytes", "gauge", "The guest's MemFree"}},
        {BALLOON_AVAILABLE, 1, {"guest_memory_available_bytes", "gauge", "The guest's MemAvailable"}},
        {BALLOON_CACHES, 1, {"guest_memory_cache_bytes", "gauge", "The guest's page cache"}},
        {BALLOON_SWAP_IN, 1, {"guest_swap_in_bytes_total", "counter", "Bytes that the guest has read from its swap"}},
        {BALLOON_SWAP_OUT,
         1,
         {"guest_swap_out_bytes_total", "counter", "Bytes that the guest has written to its swap"}},
        {BALLOON_MAJOR_FAULTS, 1, {"guest_major_faults_total", "counter", "The guest's page faults that read a disk"}},
        {BALLOON_MINOR_FAULTS,
         1,
         {"guest_minor_faults_total", "counter", "The guest's page faults that did not read a disk"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (figures[rows[i].figure] != BALLOON_UNKNOWN)
            one(out, id, rows[i].name, (double)figures[rows[i].figure] * (double)rows[i].unit);
}

/* proc(5): stat's fields 14 and 15 are utime and stime, in ticks, after a name in parentheses that may contain
 * anything.  The files are empty once the process has ended. */
static void fill_process(struct buf *out, const char *id, const struct status_process *p)
{
    char status[4096], stat[1024];
    unsigned long user, system;
    ssize_t n = p->status < 0 ? -1 : io_pread_full(p->status, status, sizeof(status) - 1, 0);
    status[n > 0 ? n : 0] = '\0';
    if (n > 0)
        one(out, id,
            (struct prometheus){"vmm_resident_memory_bytes", "gauge",
                                "Host memory that Firecracker uses, the guest's included"},
            (double)meminfo_bytes(status, "VmRSS"));
    n = p->stat < 0 ? -1 : io_pread_full(p->stat, stat, sizeof(stat) - 1, 0);
    stat[n > 0 ? n : 0] = '\0';
    const char *end = strrchr(stat, ')');
    if (end && sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
        one(out, id,
            (struct prometheus){"vmm_cpu_seconds_total", "counter",
                                "Processor time that Firecracker has used, the guest's included"},
            (double)(user + system) / (double)sysconf(_SC_CLK_TCK));
}

void metrics_fill(const char *id, const char *state, const struct status_facts *facts, const struct status_boot *boot,
                  const char *firecracker, uint64_t size, const uint64_t *figures, struct buf *out)
{
    labelled(out, id, (struct prometheus){"firecracker_info", "gauge", "Firecracker's version"}, "version",
             firecracker);
    labelled(
        out, id,
        (struct prometheus){"state_info", "gauge", "State of the VM: booting, running, paused, stopping or panicked"},
        "state", state);
    fill_boot(out, id, facts, boot);
    if (facts->restarts >= 0)
        one(out, id, (struct prometheus){"restarts_total", "counter", "Earlier starts of the container"},
            (double)facts->restarts);
    if (facts->last.reason[0]) {
        labelled(out, id, (struct prometheus){"last_exit_info", "gauge", "Why the container's previous run ended"},
                 "reason", facts->last.reason);
        if (facts->last.code >= 0)
            one(out, id, (struct prometheus){"last_exit_code", "gauge", "Exit code of the container's previous run"},
                facts->last.code);
    }
    one(out, id, (struct prometheus){"guest_memory_size_bytes", "gauge", "MEM_SIZE_MIB"}, (double)(size * MIB));
    fill_memory(out, id, figures);
    fill_process(out, id, &facts->firecracker);
}
