/* The guest keeps what it uses and some slack above it, so that it need not ask for every page it wants; the rest is
 * the balloon's, and the host's.
 *
 * "Uses" is what is not available.  Available memory includes page cache that can be dropped, and that is counted as
 * idle on purpose: a guest that has once read much would otherwise keep it for ever, though its disks are files of
 * the host, whose page cache holds the same data and can be taken back by whoever needs it more.  The slack is what
 * is left for cache in the guest.
 *
 * The balloon grows by half of what could be taken each time, so that memory which is only free for a moment, between
 * two jobs, mostly stays; it shrinks at once, all the way, because there a program waits.  How much that program
 * wants cannot be seen once nearly nothing is available: the balloon then shrinks to its half.  What is faster, the
 * guest's kernel takes from the balloon itself before it kills a process (deflate on OOM): then the
 * balloon is smaller than it was asked to be, and little is available, which makes it shrink here as well.  Small
 * differences change nothing: each change costs the guest and the host some work, and figures always sway.
 *
 * A guest that lies gets, or gives, no more than its own memory. */
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
    if (wanted < target + STEP || actual + STEP <= target) /* it has not even given what it was asked for */
        return target;
    uint64_t part = (wanted - target) / 2;
    return target + (part > STEP ? part : STEP);
}
