/* The guest keeps the memory that it uses and some slack, so that it need not ask for every page.  The balloon takes
 * the rest and returns it to the host.
 *
 * Used memory is all memory that is not available.  Available memory includes page cache that can be dropped, which
 * counts as idle on purpose: otherwise a guest that has once read much would keep that cache for ever, although its
 * disks are files of the host, whose page cache holds the same data and can be reclaimed for any process.  The slack is
 * left for cache in the guest.
 *
 * The balloon grows by half of what it could take each time, so that memory which is free only for a moment, between
 * two jobs, mostly stays with the guest.  It shrinks all the way at once, because a program waits for the memory.  Once
 * nearly nothing is available, the figures do not show how much that program wants: the balloon then shrinks to half.
 * If that is too slow, the guest's kernel takes memory from the balloon itself before it kills a process (deflate on
 * OOM).  The balloon is then smaller than it was asked to be, and little is available, so it shrinks here as well.
 * Small differences change nothing: each change costs the guest and the host some work, and the figures always
 * fluctuate.
 *
 * A guest that lies about its figures gets, or gives, no more than its own memory. */
#include "entry/vmm/reclaim.h"

enum { SLACK = 64, SLACK_PART = 8, STEP = 16 }; /* MiB; a part of what is used; MiB */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t reclaim_target(const struct reclaim_facts *f)
{
    uint64_t most = f->size > f->min ? f->size - f->min : 0;
    uint64_t actual = least(f->actual, f->size), idle = least(f->available, f->size - actual) + actual;
    uint64_t slack = SLACK + (f->size - idle) / SLACK_PART;
    uint64_t wanted = least(idle > slack ? idle - slack : 0, most);
    if (idle - actual < slack / 4)
        wanted /= 2;
    uint64_t target = least(f->target, most);
    if (wanted + STEP <= target || wanted == 0)
        return wanted;
    /* the guest has not even given the amount requested before */
    if (wanted < target + STEP || actual + STEP <= target)
        return target;
    uint64_t part = (wanted - target) / 2;
    return target + (part > STEP ? part : STEP);
}
