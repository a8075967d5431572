#include "entry/life/timeserver.h"

#include "common/cleanup.h"
#include "common/container.h"

#include <poll.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>

void timeserver_now(uint32_t fields[3])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t s = (uint64_t)now.tv_sec;
    fields[0] = (uint32_t)s;
    fields[1] = (uint32_t)(s >> 32);
    fields[2] = (uint32_t)now.tv_nsec;
}

static void tell_time(const struct timeserver *t, uint32_t low, uint32_t high)
{
    uint32_t fields[6] = {0, low, high};
    timeserver_now(&fields[3]);
    peer_send(t->guest, PROTO_TIME, fields, 6, NULL, 0);
}

/* Reading ends with ECANCELED, once each time that the clock was set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET); the
 * timer goes on. */
static void on_set(struct watch *w, short revents)
{
    (void)revents;
    struct timeserver *t = container_of(w, struct timeserver, set);
    uint64_t fired;
    if (read(w->fd, &fired, sizeof(fired)) < 0 && errno == EAGAIN)
        return;
    if (t->guest->watch.fd >= 0)
        tell_time(t, 0, 0);
}

void timeserver_start(struct timeserver *t, struct loop *loop, struct peer *guest)
{
    const struct itimerspec never = {.it_value.tv_sec = INT32_MAX};
    *t = (struct timeserver){.loop = loop, .guest = guest};
    t->set = (struct watch){timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC), POLLIN, on_set};
    if (t->set.fd >= 0 && (timerfd_settime(t->set.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0 ||
                           loop_add(loop, &t->set) < 0))
        close(steal_fd(&t->set.fd));
}

void timeserver_answer(const struct timeserver *t, const struct proto_msg *msg)
{
    uint32_t low, high;
    if (proto_field(msg, 1, &low) && proto_field(msg, 2, &high))
        tell_time(t, low, high);
}

void timeserver_stop(struct timeserver *t)
{
    loop_remove(t->loop, &t->set);
    if (t->set.fd >= 0)
        close(steal_fd(&t->set.fd));
}
