/* Cancels long work outside any loop: a scan, a copy, e2fsck.  Code that may take seconds checks here and fails, so its
 * work is undone as after any other failure. */
#ifndef CTR_CANCEL_H
#define CTR_CANCEL_H

#include <stdbool.h>

/* From now on, work is cancelled once fd (a signalfd, which stays the caller's) is readable.  -1, the initial value:
 * never. */
void cancel_by(int fd);

bool cancel_wanted(void);

/* The descriptor, for a loop; -1: none. */
int cancel_fd(void);

/* Waits until fd (-1: none) is readable, work is cancelled, or ms (-1: for ever) have passed; true if fd is readable.
 */
bool cancel_wait(int fd, int ms);

#endif
