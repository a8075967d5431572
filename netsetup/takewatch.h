/* Tells when the engine changes a network whose interfaces a guest has taken over (docker network connect, disconnect,
 * renumbering).  The guest's cards stay as they were at its start, so each change causes one warning.  The process
 * (watcher.h) has no capabilities. */
#ifndef CTR_NETSETUP_TAKEWATCH_H
#define CTR_NETSETUP_TAKEWATCH_H

#include "netsetup/taken.h"

/* all: every interface was taken, so a new interface causes a warning too.  Otherwise like watcher_start. */
int takewatch_start(const struct takeover_card *cards, size_t count, bool all, int *life, struct err *err);

#endif
