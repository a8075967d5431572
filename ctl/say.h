/* What init's own parts write on a session's stderr, as messages of ours: a line each, escaped as every message is,
 * since the guest decides what it is. */
#ifndef CTR_CTL_SAY_H
#define CTR_CTL_SAY_H

#include "common/buf.h"
#include "common/loop.h"

struct say {
    struct watch watch; /* first: a watch is its say */
    struct loop *loop;
    struct buf text;
    int input; /* the end to write to; -1: none */
};

/* -1 with errno; say_end is allowed then too. */
int say_start(struct say *s, struct loop *loop);

/* Says what is left. */
void say_end(struct say *s);

#endif
