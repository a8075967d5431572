/* An answer's error is at most half of its round trip.  If an answer took too long, the guest asks again.  Small
 * offsets come from an oscillator's drift: they are slewed (the kernel does 0.5 ms a second), so that the clock does
 * not jump.  Larger offsets mean that the host's clock was set or the VM was stopped, and then our clock is set too. */
#include "guest-init/clock.h"

#include "common/units.h"

#include <errno.h>
#include <stddef.h>
#include <sys/timex.h>
#include <time.h>

enum { TRIES = 5 };
static const int64_t every = 10 * SECOND, again = 200 * MILLISECOND, too_long = 40 * MILLISECOND,
                     jump = 20 * MILLISECOND, enough = MILLISECOND;

enum clock_step clock_decide(int64_t offset, int64_t error, bool disciplined)
{
    int64_t distance = offset < 0 ? -offset : offset;
    if (disciplined || distance <= error || distance <= enough)
        return CLOCK_LEAVE;
    return distance > jump ? CLOCK_SET : CLOCK_SLEW;
}

static int64_t ns_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * (int64_t)SECOND + t.tv_nsec;
}

static void ask_time(struct clock *c)
{
    uint64_t now = loop_now();
    uint32_t fields[] = {0, (uint32_t)now, (uint32_t)(now >> 32)};
    peer_send(c->control, PROTO_CLOCK, fields, 3, NULL, 0);
    loop_timer(c->loop, &c->timer, now + (uint64_t)every);
}

static void on_timer(struct timer *t)
{
    ask_time((struct clock *)t);
}

void clock_start(struct clock *c, struct loop *loop, struct peer *control)
{
    *c = (struct clock){.timer.fired = on_timer, .loop = loop, .control = control};
    ask_time(c);
}

static void follow_host(int64_t host, int64_t error)
{
    struct timex state = {0};
    int64_t offset = host - ns_of(CLOCK_REALTIME);
    bool disciplined = adjtimex(&state) >= 0 && !(state.status & STA_UNSYNC);
    enum clock_step step = clock_decide(offset, error, disciplined);
    struct timespec time = {.tv_sec = host / (int64_t)SECOND, .tv_nsec = host % (int64_t)SECOND};
    struct timex slew = {.modes = ADJ_OFFSET_SINGLESHOT, .offset = (long)(offset / 1000)};
    if (step == CLOCK_SET)
        clock_settime(CLOCK_REALTIME, &time);
    else if (step == CLOCK_SLEW)
        adjtimex(&slew);
}

void clock_told(int64_t host, uint64_t asked)
{
    int64_t took = (int64_t)(loop_now() - asked);
    follow_host(host + took / 2, took / 2);
}

void clock_message(struct clock *c, const struct proto_msg *msg)
{
    uint32_t asked_low, asked_high;
    int64_t host = proto_time(msg, 3);
    if (!proto_field(msg, 1, &asked_low) || !proto_field(msg, 2, &asked_high) || host < 0)
        return;
    uint64_t now = loop_now(), asked = (uint64_t)asked_high << 32 | asked_low;
    if (asked == 0 || asked > now) { /* the host's clock was set */
        c->tries = 0;
        ask_time(c);
        return;
    }
    int64_t took = (int64_t)(now - asked);
    if (took > too_long && ++c->tries < TRIES) {
        loop_timer(c->loop, &c->timer, now + (uint64_t)again);
        return;
    }
    c->tries = 0;
    follow_host(host + took / 2, took / 2);
}
