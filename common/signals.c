#include "common/signals.h"

#include <signal.h>
#include <stddef.h>

void signals_default(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

bool signals_end(int signo)
{
    return signo == SIGHUP || signo == SIGINT || signo == SIGQUIT || signo == SIGTERM;
}
