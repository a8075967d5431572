#include "common/loop.h"

#include "common/container.h"
#include "common/units.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

struct loop {
    struct watch **watches; /* NULL: removed, taken out before the next wait */
    struct pollfd *polled;  /* of the same length */
    size_t count, cap;
    size_t live, most;    /* watches that are not NULL, and how many of them poll takes */
    struct timer *timers; /* those that run, in no order */
    struct timer deadline;
    void (*fired)(void *arg);
    void *arg;
};

static void deadline_fired(struct timer *t)
{
    struct loop *l = container_of(t, struct loop, deadline);
    l->fired(l->arg);
}

struct loop *loop_new(void)
{
    struct rlimit files = {.rlim_cur = RLIM_INFINITY};
    struct loop *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    getrlimit(RLIMIT_NOFILE, &files);
    l->most = files.rlim_cur;
    l->deadline.fired = deadline_fired;
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    free(l->watches);
    free(l->polled);
    free(l);
}

size_t loop_room(const struct loop *l)
{
    return l->live < l->most ? l->most - l->live : 0;
}

int loop_add(struct loop *l, struct watch *w)
{
    if (loop_room(l) == 0) {
        errno = EMFILE;
        return -1;
    }
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        struct watch **watches = realloc(l->watches, cap * sizeof(struct watch *));
        if (watches)
            l->watches = watches;
        struct pollfd *polled = realloc(l->polled, cap * sizeof(struct pollfd));
        if (polled)
            l->polled = polled;
        if (!watches || !polled)
            return -1;
        l->cap = cap;
    }
    l->watches[l->count++] = w;
    l->live++;
    return 0;
}

void loop_remove(struct loop *l, struct watch *w)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->watches[i] == w) {
            l->watches[i] = NULL;
            l->live--;
        }
}

static void stop_timer(struct loop *l, const struct timer *t)
{
    for (struct timer **at = &l->timers; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            return;
        }
}

void loop_timer(struct loop *l, struct timer *t, uint64_t ns)
{
    stop_timer(l, t);
    if (ns == UINT64_MAX)
        return;
    t->at = ns;
    t->next = l->timers;
    l->timers = t;
}

void loop_deadline(struct loop *l, uint64_t ns, void (*fired)(void *arg), void *arg)
{
    l->fired = fired;
    l->arg = arg;
    loop_timer(l, &l->deadline, ns);
}

uint64_t loop_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static struct timer *earliest(const struct loop *l)
{
    struct timer *first = l->timers;
    for (struct timer *t = first; t; t = t->next)
        if (t->at < first->at)
            first = t;
    return first;
}

/* Milliseconds to the earliest timer, rounded up; -1 without one. */
static int wait_ms(const struct loop *l)
{
    const struct timer *t = earliest(l);
    if (!t)
        return -1;
    uint64_t now = loop_now();
    if (now >= t->at)
        return 0;
    uint64_t ms = (t->at - now + MILLISECOND - 1) / MILLISECOND;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Takes out removed watches, and tells poll which events are wanted.  The count of watches. */
static size_t prepare_polls(struct loop *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->watches[i])
            l->watches[kept++] = l->watches[i];
    l->count = kept;
    for (size_t i = 0; i < kept; i++)
        l->polled[i] = (struct pollfd){.fd = l->watches[i]->fd, .events = l->watches[i]->events};
    return kept;
}

void loop_run(struct loop *l, const bool *done)
{
    while (!*done) {
        size_t n = prepare_polls(l);
        if (poll(l->polled, n, wait_ms(l)) < 0 && errno != EINTR && errno != EAGAIN && errno != ENOMEM)
            abort(); /* the limit has become smaller since loop_new */
        /* Watches added meanwhile come after n; a removed one has become NULL. */
        for (size_t i = 0; i < n && !*done; i++)
            if (l->polled[i].revents && l->watches[i])
                l->watches[i]->ready(l->watches[i], l->polled[i].revents);
        /* One timer a round: a timer that starts itself again must not keep the descriptors waiting. */
        struct timer *t = earliest(l);
        if (!*done && t && loop_now() >= t->at) {
            stop_timer(l, t);
            t->fired(t);
        }
    }
}
