/* The signals that others send us, one by one.  Children that have ended are reaped on the way. */
#ifndef CTR_RECEIVED_H
#define CTR_RECEIVED_H

#include "common/loop.h"

struct received {
    struct watch watch;
    void (*signal)(void *arg, int signo);
    void *arg;
};

/* Watches a signalfd until the loop is freed.  The caller has set signal and arg.  -1 without memory. */
int received_watch(struct received *r, struct loop *loop, int signals);

#endif
