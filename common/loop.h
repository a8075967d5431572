/* One poll loop for a process: descriptors with a function each, timers, and a deadline.  Level-triggered;
 * regular files and /dev/null work too (they are always ready), which epoll refuses. */
#ifndef CTR_LOOP_H
#define CTR_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* Embedded in the object that owns the descriptor.  A watch with events 0 still reports POLLHUP and POLLERR, unless fd
 * is -1. */
struct watch {
    int fd;       /* not owned */
    short events; /* POLLIN | POLLOUT; may be changed at any time */
    void (*ready)(struct watch *w, short revents);
};

/* Embedded in the object to be woken.  If everything except fired is zero, the timer does not run. */
struct timer {
    void (*fired)(struct timer *t);
    uint64_t at;        /* of loop_now's clock */
    struct timer *next; /* the loop's */
};

/* NULL without memory.  poll(2) takes as many watches as RLIMIT_NOFILE allows descriptors, though several watches may
 * have one descriptor: the limit of now is the loop's. */
struct loop *loop_new(void);
void loop_free(struct loop *l);

/* How many more watches the loop can take. */
size_t loop_room(const struct loop *l);

/* The watch must stay where it is until it is removed.  -1 without memory or room, with errno. */
int loop_add(struct loop *l, struct watch *w);

/* Allowed for any watch at any time, also from inside a ready function; its function is not called again.
 * A watch that is not in the loop is ignored. */
void loop_remove(struct loop *l, struct watch *w);

/* Calls the timer's function once, when ns (of loop_now's clock) is reached; UINT64_MAX: never.  Allowed at any time,
 * even if it runs already.  It must stay where it is meanwhile. */
void loop_timer(struct loop *l, struct timer *t, uint64_t ns);

/* The loop's own timer, whose function may change.  Calls fired once when ns (of loop_now's clock) is reached;
 * UINT64_MAX: never.  One per loop. */
void loop_deadline(struct loop *l, uint64_t ns, void (*fired)(void *arg), void *arg);

/* Waits for events and calls their functions, until *done. */
void loop_run(struct loop *l, const bool *done);

/* CLOCK_MONOTONIC in ns. */
uint64_t loop_now(void);

#endif
