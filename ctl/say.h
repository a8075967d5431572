/* Text that the guest decides, a line at a time and without what could steer a terminal: what init's own parts write on
 * a session's stderr, as messages of ours; or a command's output for the terminal of somebody who has not asked for
 * that command. */
#ifndef CTR_CTL_SAY_H
#define CTR_CTL_SAY_H

#include "common/buf.h"
#include "common/loop.h"

struct say {
    struct watch watch; /* first: a watch is its say */
    struct loop *loop;
    struct buf text;
    int input; /* the end to write to; -1: none */
    int to;    /* where the text goes; -1: messages */
};

/* to stays the caller's.  -1 with errno; say_end is allowed then too. */
int say_start(struct say *s, struct loop *loop, int to);

/* Says what is left. */
void say_end(struct say *s);

#endif
