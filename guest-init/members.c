#include "guest-init/members.h"

#include "common/cleanup.h"
#include "common/io.h"
#include "common/num.h"
#include "common/units.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What /proc/PID/stat says (proc(5)). */
struct process {
    pid_t pid, sid;
    char state;
    unsigned flags;
    uint64_t ticks; /* the start time */
};
enum { KERNEL_THREAD = 0x00200000 /* PF_KTHREAD of include/linux/sched.h */ };

/* The fields follow the name, which may contain anything. */
static bool parse_stat(const char *text, struct process *p)
{
    const char *name_end = strrchr(text, ')');
    unsigned long long start;
    if (!name_end ||
        sscanf(name_end + 1, " %c %*d %*d %d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &p->state, &p->sid, &p->flags, &start) != 4)
        return false;
    p->ticks = start;
    return true;
}

/* The next process except PID 1; false: there are no more. */
static bool next_process(DIR *d, struct process *p)
{
    for (struct dirent *e; (e = readdir(d));) {
        char path[sizeof(e->d_name) + 16];
        uint64_t pid;
        if (num_parse(e->d_name, 2, INT32_MAX, &pid) < 0)
            continue;
        snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
        cleanup_free char *text = io_read_file(AT_FDCWD, path, 4096, NULL);
        p->pid = (pid_t)pid;
        if (text && parse_stat(text, p))
            return true;
    }
    return false;
}

/* Signals the chosen processes, unless signo is 0, and counts them. */
static unsigned signal_meant(bool (*is_meant)(const struct process *p, const void *arg), const void *arg, int signo)
{
    DIR *d = opendir("/proc");
    unsigned count = 0;
    for (struct process p; d && next_process(d, &p);) {
        if (p.state == 'Z' || !is_meant(&p, arg))
            continue;
        count++;
        if (signo)
            kill(p.pid, signo);
    }
    if (d)
        closedir(d);
    return count;
}

struct session_before {
    pid_t sid;
    uint64_t ticks;
};

static bool is_in_session(const struct process *p, const void *arg)
{
    const struct session_before *s = arg;
    return p->sid == s->sid && p->ticks <= s->ticks;
}

unsigned members_signal(pid_t sid, uint64_t before, int signo)
{
    uint64_t tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
    return signal_meant(is_in_session, &(struct session_before){sid, before / tick}, signo);
}

struct sparing {
    bool (*spared)(pid_t pid);
};

static bool is_not_spared(const struct process *p, const void *arg)
{
    const struct sparing *s = arg;
    return !(p->flags & KERNEL_THREAD) && p->pid != getpid() && !s->spared(p->pid);
}

unsigned members_signal_all(bool (*spared)(pid_t pid), int signo)
{
    return signal_meant(is_not_spared, &(struct sparing){spared}, signo);
}
