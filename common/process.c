#include "common/process.h"

#include "common/cleanup.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

pid_t process_fork(int *pid_fd)
{
    pid_t pid = fork();
    if (pid <= 0)
        return pid;
    *pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (*pid_fd >= 0)
        return pid;
    int saved = errno;
    kill(pid, SIGKILL);
    process_wait(pid, NULL);
    errno = saved;
    return -1;
}

int process_wait(pid_t pid, int *status)
{
    while (waitpid(pid, status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return 0;
}

void process_end_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}

void process_end(int *pid_fd)
{
    if (*pid_fd < 0)
        return;
    struct pollfd end = {.fd = *pid_fd, .events = POLLIN};
    siginfo_t info;
    bool ends = syscall(SYS_pidfd_send_signal, *pid_fd, SIGKILL, NULL, 0) == 0 || errno == ESRCH;
    while (ends && poll(&end, 1, -1) < 0 && errno == EINTR)
        ;
    waitid(P_PIDFD, (id_t)*pid_fd, &info, WEXITED | WNOHANG);
    close(steal_fd(pid_fd));
}

void process_reap(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}
