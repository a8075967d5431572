/* Gives the guest the host's wall clock: answers the guest's requests (PROTO_CLOCK), and tells the guest when somebody
 * sets the clock. */
#ifndef CTR_TIMESERVER_H
#define CTR_TIMESERVER_H

#include "common/peer.h"

struct timeserver {
    struct watch set; /* a timer that the kernel cancels when the clock is set; fd -1: none */
    struct loop *loop;
    struct peer *guest;
};

/* Without a timer, the guest notices a change with its next request. */
void timeserver_start(struct timeserver *t, struct loop *loop, struct peer *guest);

/* The wall clock, as the messages carry it: low and high half of the seconds since 1970, ns. */
void timeserver_now(uint32_t fields[3]);

/* Answers the guest's PROTO_CLOCK. */
void timeserver_answer(const struct timeserver *t, const struct proto_msg *msg);

void timeserver_stop(struct timeserver *t);

#endif
