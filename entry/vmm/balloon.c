#include "entry/vmm/balloon.h"

#include "common/container.h"
#include "common/json.h"
#include "common/log.h"
#include "common/units.h"
#include "entry/vmm/reclaim.h"

#include <stdlib.h>
#include <string.h>

/* As GET /balloon/statistics names them (Firecracker docs/ballooning.md). */
static const char *const names[BALLOON_FIGURES] = {
    [BALLOON_TARGET] = "target_mib",
    [BALLOON_ACTUAL] = "actual_mib",
    [BALLOON_TOTAL] = "total_memory",
    [BALLOON_FREE] = "free_memory",
    [BALLOON_AVAILABLE] = "available_memory",
    [BALLOON_CACHES] = "disk_caches",
    [BALLOON_SWAP_IN] = "swap_in",
    [BALLOON_SWAP_OUT] = "swap_out",
    [BALLOON_MAJOR_FAULTS] = "major_faults",
    [BALLOON_MINOR_FAULTS] = "minor_faults",
};

struct balloon {
    struct loop *loop;
    struct vmm *vmm;
    uint64_t size, min; /* MiB */
    struct timer tick;
    bool asked; /* an answer is still to come */
    uint64_t figure[BALLOON_FIGURES];
};

static void on_figure(void *arg, const char *object, const char *key, uint64_t value)
{
    struct balloon *b = arg;
    for (int i = 0; i < BALLOON_FIGURES && !*object; i++)
        if (strcmp(key, names[i]) == 0)
            b->figure[i] = value;
}

static void resize(struct balloon *b)
{
    const uint64_t *is = b->figure;
    if (!b->min || is[BALLOON_AVAILABLE] == BALLOON_UNKNOWN || is[BALLOON_ACTUAL] == BALLOON_UNKNOWN ||
        is[BALLOON_TARGET] == BALLOON_UNKNOWN)
        return;
    struct reclaim_facts f = {b->size, b->min, is[BALLOON_AVAILABLE] / MIB, is[BALLOON_ACTUAL], is[BALLOON_TARGET]};
    uint64_t target = reclaim_target(&f);
    if (target != f.target && vmm_set_balloon(b->vmm, target) == 0)
        log_debug("balloon: %llu MiB of %llu are available, so it goes from %llu to %llu",
                  (unsigned long long)f.available, (unsigned long long)b->size, (unsigned long long)f.target,
                  (unsigned long long)target);
}

static void on_statistics(void *arg, long status, const char *body, size_t len)
{
    struct balloon *b = arg;
    b->asked = false;
    if (status == 200 && json_numbers(body, len, on_figure, b) == 0)
        resize(b);
}

void balloon_ask(struct balloon *b)
{
    if (!b->asked)
        b->asked = vmm_get_balloon(b->vmm, on_statistics, b) == 0;
}

static void on_tick(struct timer *t)
{
    struct balloon *b = container_of(t, struct balloon, tick);
    balloon_ask(b);
    loop_timer(b->loop, t, loop_now() + VMM_BALLOON_INTERVAL * SECOND);
}

struct balloon *balloon_new(struct loop *loop, struct vmm *vmm, uint64_t size, uint64_t min)
{
    struct balloon *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    *b = (struct balloon){.loop = loop, .vmm = vmm, .size = size, .min = min, .tick.fired = on_tick};
    for (int i = 0; i < BALLOON_FIGURES; i++)
        b->figure[i] = BALLOON_UNKNOWN;
    if (min)
        loop_timer(loop, &b->tick, loop_now() + VMM_BALLOON_INTERVAL * SECOND);
    return b;
}

const uint64_t *balloon_figures(const struct balloon *b)
{
    return b->figure;
}

void balloon_free(struct balloon *b)
{
    if (b)
        loop_timer(b->loop, &b->tick, UINT64_MAX);
    free(b);
}
