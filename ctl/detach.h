/* A process that stays in the background when ctr-jailer has ended: the keeper of a VM, its logger, a network's
 * attendant. */
#ifndef CTR_CTL_DETACH_H
#define CTR_CTL_DETACH_H

#include <stddef.h>

enum { DETACH_FDS_MAX = 4 };

/* No signal but SIGKILL reaches it any more, and no terminal. */
void detach_signals(void);

/* Its standard descriptors lead nowhere, all others but fds (at most DETACH_FDS_MAX) are closed, and it keeps no
 * filesystem busy.  -1 with errno. */
int detach_files(const int *fds, size_t count);

#endif
