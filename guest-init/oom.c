/* The root cgroup does not count OOM kills by process, and a wait status says only SIGKILL.  The kernel's log names the
 * victim, in one line before the kill and in another after it (mm/oom_kill.c: dump_oom_summary and __oom_kill_process).
 * */
#include "guest-init/oom.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static bool names(const char *record, pid_t pid)
{
    char before[32], after[32];
    snprintf(before, sizeof(before), ",pid=%d,", (int)pid);
    snprintf(after, sizeof(after), "Killed process %d ", (int)pid);
    if (pid == 0)
        return strstr(record, "Killed process ");
    return strstr(record, after) || (strstr(record, "oom-kill:") && strstr(record, before));
}

bool oom_killed(pid_t pid)
{
    /* A read gives one record (Linux Documentation/ABI/testing/dev-kmsg), EPIPE when the next was overwritten. */
    cleanup_close int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    char record[8192 + 1];
    ssize_t n = 0;
    while (log >= 0 && ((n = read(log, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE))) {
        record[n > 0 ? n : 0] = '\0';
        if (names(record, pid))
            return true;
    }
    return false;
}
