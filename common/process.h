/* Child processes, held by descriptor (pidfd_open(2)): a number may be another's by the time it is used, and the
 * one who ends a process need not be its parent. */
#ifndef CTR_PROCESS_H
#define CTR_PROCESS_H

#include <sys/types.h>

/* fork(2); in the parent *pid_fd, which becomes readable when the child ends, is the caller's.  -1 with errno, and
 * then there is no child. */
pid_t process_fork(int *pid_fd);

/* In a child of parent: it is killed when parent ends, or has ended.  A change of user takes that back: call it
 * after one.  And parent's user must then be allowed to kill it: its own, or root with CAP_KILL. */
void process_end_with(pid_t parent);

/* Kills it and waits for its end, unless it may not be killed; a child is reaped.  Closes *pid_fd; -1 is no process. */
void process_end(int *pid_fd);

/* Reaps every child that has ended, known or not: to PID 1 of a container come those whose parents have ended
 * (docker exec ... sh -c '... &').  Descriptors of children stay valid; who waits for a child by number finds none. */
void process_reap(void);

#endif
