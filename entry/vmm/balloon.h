/* The guest's balloon: its statistics, as far as they were asked for, and with VM_MEM_MIN_MIB its size
 * (entry/vmm/reclaim.h). */
#ifndef CTR_BALLOON_H
#define CTR_BALLOON_H

#include "common/loop.h"
#include "entry/vmm/vmm.h"

/* An unknown figure: the guest's kernel may lack the driver, or have reported nothing yet. */
#define BALLOON_UNKNOWN UINT64_MAX

enum balloon_figure {
    BALLOON_TARGET, /* MiB; so is the next */
    BALLOON_ACTUAL,
    BALLOON_TOTAL, /* bytes from here on, of the guest's kernel: /proc/meminfo's MemTotal ... */
    BALLOON_FREE,
    BALLOON_AVAILABLE,
    BALLOON_CACHES,
    BALLOON_SWAP_IN,
    BALLOON_SWAP_OUT,
    BALLOON_MAJOR_FAULTS, /* a count; so is the next */
    BALLOON_MINOR_FAULTS,
    BALLOON_FIGURES
};

struct balloon;

/* size, min: the guest's memory and what it keeps, in MiB; min 0: all.  NULL without memory. */
struct balloon *balloon_new(struct loop *loop, struct vmm *vmm, uint64_t size, uint64_t min);

/* Asks for new figures; they have arrived when vmm answers the next request after this one. */
void balloon_ask(struct balloon *b);
const uint64_t *balloon_figures(const struct balloon *b);

void balloon_free(struct balloon *b);

#endif
