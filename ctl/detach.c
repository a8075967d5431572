#include "ctl/detach.h"

#include "common/descriptors.h"

#include <signal.h>
#include <unistd.h>

void detach_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setsid();
}

int detach_files(const int *fds, size_t count)
{
    static const int standard[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    int kept[3 + DETACH_FDS_MAX] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    size_t all = 3;
    while (count > 0 && all < 3 + DETACH_FDS_MAX)
        kept[all++] = fds[--count];
    return descriptors_blank(standard, 3) < 0 || descriptors_keep(kept, all) < 0 ? -1 : chdir("/");
}
