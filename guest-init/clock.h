/* Keeps the guest's wall clock equal to the host's by asking the host now and then.  The guest's kernel reads the
 * host's time only once, at its start, and counts by itself from there. */
#ifndef CTR_INIT_CLOCK_H
#define CTR_INIT_CLOCK_H

#include "common/peer.h"

#include <stdbool.h>

struct clock {
    struct timer timer;
    struct loop *loop;
    struct peer *control;
    unsigned tries; /* since the last answer that was quick enough */
};

void clock_start(struct clock *c, struct loop *loop, struct peer *control);

/* Takes entry's PROTO_TIME. */
void clock_message(struct clock *c, const struct proto_msg *msg);

/* To be called before the loop starts.  host: the host's clock (ns since 1970) at some time after asked (of loop_now's
 * clock). */
void clock_told(int64_t host, uint64_t asked);

/* What to do about an offset of the host's clock from ours (ns), known to within +-error ns: set the clock at once,
 * slew it, or neither.  disciplined: a program in the guest keeps the clock (STA_UNSYNC of adjtimex(2) is off). */
enum clock_step { CLOCK_LEAVE, CLOCK_SLEW, CLOCK_SET };
enum clock_step clock_decide(int64_t offset, int64_t error, bool disciplined);

#endif
