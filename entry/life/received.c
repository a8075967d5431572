#include "entry/life/received.h"

#include "common/container.h"
#include "common/process.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The kernel sends these for our own children's ends, and for our own writes that nobody reads. */
static bool is_our_own(const struct signalfd_siginfo *info)
{
    return (info->ssi_signo == SIGCHLD && info->ssi_code > SI_USER) ||
           (info->ssi_signo == SIGPIPE && info->ssi_pid == (uint32_t)getpid());
}

static void on_signal(struct watch *w, short revents)
{
    (void)revents;
    struct received *r = container_of(w, struct received, watch);
    struct signalfd_siginfo info;
    ssize_t n = read(w->fd, &info, sizeof(info));
    process_reap(); /* after every signal: one SIGCHLD may stand for many */
    if (n == sizeof(info) && !is_our_own(&info))
        r->signal(r->arg, (int)info.ssi_signo);
}

int received_watch(struct received *r, struct loop *loop, int signals)
{
    r->watch = (struct watch){.fd = signals, .events = POLLIN, .ready = on_signal};
    return loop_add(loop, &r->watch);
}
