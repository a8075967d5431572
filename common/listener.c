#include "common/listener.h"

#include "common/container.h"

#include <errno.h>
#include <poll.h>

#define REST UINT64_C(100000000) /* ns */

static void rested(struct timer *t)
{
    container_of(t, struct listener, rest)->watch.events = POLLIN;
}

int listener_start(struct listener *l, struct loop *loop, int fd, void (*ready)(struct watch *w, short revents))
{
    *l = (struct listener){.watch = {fd, POLLIN, ready}, .rest = {.fired = rested}, .loop = loop};
    if (loop_add(loop, &l->watch) == 0)
        return 0;
    l->loop = NULL;
    return -1;
}

int listener_accept(struct listener *l, struct sockaddr *from, socklen_t *size)
{
    int fd = accept4(l->watch.fd, from, size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
        l->watch.events = 0;
        loop_timer(l->loop, &l->rest, loop_now() + REST);
    }
    return fd;
}

void listener_stop(struct listener *l)
{
    if (!l->loop)
        return;
    loop_remove(l->loop, &l->watch);
    loop_timer(l->loop, &l->rest, UINT64_MAX);
    l->loop = NULL;
}
