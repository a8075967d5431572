/* Numbers for things that a guest refers to.  A number consists of a slot and of the turn of the slot's thing: a number
 * that was never given, or whose thing is gone, finds nothing.  Numbers are never pointers. */
#ifndef CTR_SHARE_SLOTS_H
#define CTR_SHARE_SLOTS_H

#include <stdint.h>

struct slots {
    struct slot {
        void *item;
        uint32_t turn; /* how many things this slot had before */
        uint32_t next; /* of a free slot: the next free one; 0: none */
    } * slot;
    uint32_t count, room, max, free; /* count: with the first, which is never used */
};

/* Holds at most max things.  All other members are zero. */
#define SLOTS(most)                                                                                                    \
    {                                                                                                                  \
        .max = (most)                                                                                                  \
    }

/* The item's number, which is 1 for the first; 0 with errno: ENFILE when there are max things, or ENOMEM. */
uint64_t slots_add(struct slots *s, void *item);

/* NULL: there is none. */
void *slots_find(const struct slots *s, uint64_t number);

void slots_remove(struct slots *s, uint64_t number);

void slots_free(struct slots *s);

#endif
