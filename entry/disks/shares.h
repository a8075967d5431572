/* The servers of shares: each is the program share (share/main.c), which lies beside entry or in
 * /usr/lib/ctr-jailer.  A program of its own, since it reads what a guest sends: nothing of ours is in its memory. */
#ifndef CTR_SHARES_H
#define CTR_SHARES_H

#include "common/err.h"
#include "entry/disks/drives.h"

struct shares {
    struct share_server {
        int end;            /* readable when it has ended; -1: not started */
        int channel;        /* brings it the guest's connections (common/passfd.h) */
        uint32_t key;       /* that these have in their hellos */
        const char *source; /* the plan's */
    } server[SHARES_MAX];
    unsigned count;
};

/* Gives each share of the plan a key that nobody can guess (common/proto.h).  -1 with err. */
int shares_draw_keys(struct drives_plan *plan, struct err *err);

/* Starts a server for each share of the plan, in their order, with what it takes of our capabilities.  *s must be
 * zeroed. -1 with err; call shares_stop then too. */
int shares_start(const struct drives_plan *plan, struct shares *s, struct err *err);

/* Takes a struct shares.  Ends them. */
void shares_stop(void *s);

#endif
