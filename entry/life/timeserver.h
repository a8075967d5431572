/* The host's wall clock for the guest, which asks for it (PROTO_CLOCK) and is told when somebody sets it. */
#ifndef CTR_TIMESERVER_H
#define CTR_TIMESERVER_H

#include "common/peer.h"

struct timeserver {
    struct watch set; /* a timer that the kernel cancels when the clock is set; fd -1: none */
    struct loop *loop;
    struct peer *guest;
};

/* Without a timer the guest notices by itself, when it asks the next time. */
void timeserver_start(struct timeserver *t, struct loop *loop, struct peer *guest);

/* The wall clock, as the messages carry it: low and high half of the seconds since 1970, ns. */
void timeserver_now(uint32_t fields[3]);

/* Answers the guest's PROTO_CLOCK. */
void timeserver_answer(const struct timeserver *t, const struct proto_msg *msg);

void timeserver_stop(struct timeserver *t);

#endif
