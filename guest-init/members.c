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

/* Of /proc/PID/stat (proc(5)): the session and the start time, after the name, which may contain anything. */
static bool parse_stat(const char *text, char *state, pid_t *sid, uint64_t *ticks)
{
    const char *name_end = strrchr(text, ')');
    unsigned long long start;
    if (!name_end ||
        sscanf(name_end + 1, " %c %*d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", state,
               sid, &start) != 3)
        return false;
    *ticks = start;
    return true;
}

unsigned members_signal(pid_t sid, uint64_t before, int signo)
{
    DIR *d = opendir("/proc");
    uint64_t tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK), pid, started;
    unsigned count = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[sizeof(e->d_name) + 16], state;
        pid_t member_of;
        if (num_parse(e->d_name, 2, INT32_MAX, &pid) < 0)
            continue;
        snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
        cleanup_free char *text = io_read_file(AT_FDCWD, path, 4096, NULL);
        if (!text || !parse_stat(text, &state, &member_of, &started) || member_of != sid || state == 'Z' ||
            started > before / tick)
            continue;
        count++;
        if (signo)
            kill((pid_t)pid, signo);
    }
    if (d)
        closedir(d);
    return count;
}
