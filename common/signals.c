#include "common/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

void signals_default(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int signals_fd(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool signals_end(int signo)
{
    return signo == SIGHUP || signo == SIGINT || signo == SIGQUIT || signo == SIGTERM;
}
