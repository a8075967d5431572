/* The signals of a child, as an executed program expects them. */
#ifndef CTR_SIGNALS_H
#define CTR_SIGNALS_H

#include <stdbool.h>

/* All at their defaults, none blocked. */
void signals_default(void);

/* Blocks HUP, INT and TERM, by which others end a process, and makes a signalfd of them: close-on-exec, non-blocking.
 * -1 with errno. */
int signals_fd(void);

/* Whether it is one of the signals with which people end a process: HUP, INT, QUIT, TERM. */
bool signals_end(int signo);

#endif
