/* Numbers for things that a guest refers to.  A number consists of a slot and of the turn of the slot's thing: a number
 * that was never given, or whose thing is gone, finds nothing.  Numbers are never pointers.
 *
 * A guest still has the numbers of a server that has died when the next one serves it (share/main.c).  So each server
 * has an era, which is a part of its numbers too: turn (32 bits), era (12), slot (20). */
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
    uint32_t era;
};

enum { SLOTS_LIMIT = (1 << 20) - 1, SLOTS_ERAS = 1 << 12 };

/* Holds at most max (up to SLOTS_LIMIT) things.  All other members are zero. */
#define SLOTS(most, which)                                                                                             \
    {                                                                                                                  \
        .max = (most), .era = (which) % SLOTS_ERAS                                                                     \
    }

/* The item's number, which is 1 for the first of era 0; 0 with errno: ENFILE when there are max things, or ENOMEM. */
uint64_t slots_add(struct slots *s, void *item);

/* NULL: there is none. */
void *slots_find(const struct slots *s, uint64_t number);

void slots_remove(struct slots *s, uint64_t number);

void slots_free(struct slots *s);

#endif
