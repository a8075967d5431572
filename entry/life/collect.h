/* Metrics, collected when a client asks for them: Firecracker's newest, where it answers in time. */
#ifndef CTR_COLLECT_H
#define CTR_COLLECT_H

#include "entry/life/control.h"
#include "entry/life/known.h"
#include "entry/vmm/balloon.h"
#include "entry/vmm/counters.h"

struct collect {
    const struct known *known;
    struct loop *loop;
    struct vmm *vmm;
    struct control *control; /* the clients that wait */
    struct balloon *balloon;
    struct counters *counters;
    struct timer patience; /* while they are collected */
    bool busy;
};

/* Answers all clients that wait for metrics, within a second.  The caller sets the pointers in *c, and zeroes patience
 * and busy, which are collect's own. */
void collect_metrics(struct collect *c);

#endif
