/* What is known of a running VM, for whoever answers a question about it.  supervise, which owns all of it, changes it
 * meanwhile. */
#ifndef CTR_KNOWN_H
#define CTR_KNOWN_H

#include "entry/life/status.h"

#include <stdint.h>

struct known {
    const char *id;
    uint64_t mem_mib;
    const struct status_facts *facts;
    const struct status_boot *boot;
    const enum status_state *state;
};

#endif
