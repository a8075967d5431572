/* How much of its memory a guest lends to the host: a pure function of the balloon's figures. */
#ifndef CTR_RECLAIM_H
#define CTR_RECLAIM_H

#include <stdint.h>

/* All in MiB.  The guest's own figures may be anything. */
struct reclaim_facts {
    uint64_t size;      /* the guest's memory */
    uint64_t min;       /* what it keeps in any case: VM_MEM_MIN_MIB */
    uint64_t available; /* what its kernel could give to programs without swapping */
    uint64_t actual;    /* the balloon as it is */
    uint64_t target;    /* as it was last asked to be */
};

/* The new target for the balloon; the old target if nothing is to change.  Never more than size - min. */
uint64_t reclaim_target(const struct reclaim_facts *f);

#endif
