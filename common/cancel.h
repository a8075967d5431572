/* The user's wish to end while something long is under way outside any loop: a scan, a copy, e2fsck.  What
 * may take seconds looks here and fails, and so is undone as after any other failure. */
#ifndef CTR_CANCEL_H
#define CTR_CANCEL_H

#include <stdbool.h>

/* From now on fd (a signalfd, which stays the caller's) becoming readable means that it is wanted; -1, as
 * at first: nothing cancels. */
void cancel_by(int fd);

bool cancel_wanted(void);

/* The descriptor, for a loop; -1: none. */
int cancel_fd(void);

/* Waits until fd (-1: none) is readable, it is wanted, or ms (-1: for ever) have passed; true when fd is. */
bool cancel_wait(int fd, int ms);

#endif
