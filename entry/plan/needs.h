/* What entry cannot do without: capabilities, devices and system calls.  A container with all of these and nothing
 * else is enough; docs/security.md has the line. */
#ifndef CTR_NEEDS_H
#define CTR_NEEDS_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether this process is root's.  Asked first, because all other refusals would only follow from this one. */
int needs_root(struct err *err);

/* Whether it has everything else; network: including the needs of a network.  Changes nothing. -1 with err, which names
 * the missing thing, its purpose, and the flag of docker run that grants it. */
int needs_check(bool network, struct err *err);

/* The capabilities (common/privilege.h) of those that the jailer is started with. */
uint64_t needs_jailer(void);

#endif
