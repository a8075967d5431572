#include "entry/life/collect.h"

#include "common/container.h"
#include "common/units.h"
#include "entry/life/metrics.h"

enum { TIMEOUT = 1 };

/* Answers with the figures known now, whether or not Firecracker has replied. */
static void tell_collected(struct timer *t)
{
    struct collect *c = container_of(t, struct collect, patience);
    cleanup_buf struct buf text = {0};
    loop_timer(c->loop, t, UINT64_MAX);
    c->busy = false;
    counters_read(c->counters);
    const struct known *k = c->known;
    metrics_fill(k->id, status_state_name(*k->state), k->facts, k->boot, vmm_version(c->vmm), k->mem_mib,
                 balloon_figures(c->balloon), &text);
    counters_print(c->counters, k->id, &text);
    if (!buf_failed(&text))
        control_answer(c->control, PROTO_METRICS, text.data, text.len);
}

/* A late answer counts for the next request. */
static void on_flushed(void *arg, long status, const char *body, size_t len)
{
    (void)status, (void)body, (void)len;
    struct collect *c = arg;
    if (c->busy)
        tell_collected(&c->patience);
}

/* Asks Firecracker for its newest figures, the balloon's first, but does not wait long: Firecracker may be stopped. */
void collect_metrics(struct collect *c)
{
    if (c->busy)
        return;
    c->busy = true;
    c->patience.fired = tell_collected;
    balloon_ask(c->balloon);
    bool asked = vmm_flush_metrics(c->vmm, on_flushed, c) == 0;
    loop_timer(c->loop, &c->patience, loop_now() + (asked ? TIMEOUT * SECOND : 0));
}
