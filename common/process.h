/* Child processes, held by descriptor (pidfd_open(2)): by the time a pid is used, it may belong to another process, and
 * a process other than the parent may have to end the child. */
#ifndef CTR_PROCESS_H
#define CTR_PROCESS_H

#include <sys/types.h>

/* fork(2); in the parent *pid_fd, which becomes readable when the child ends, is the caller's.  -1 with errno, and
 * then there is no child. */
pid_t process_fork(int *pid_fd);

/* Waits for a child's end, whatever signals come: its status as by waitpid(2), unless NULL.  -1 with errno. */
int process_wait(pid_t pid, int *status);

/* Called in a child of parent: the child is killed when parent ends, or at once if it has ended.  A change of user
 * undoes this, so call it afterwards.  The parent must then be allowed to kill the child: as the same user, or as root
 * with CAP_KILL. */
void process_end_with(pid_t parent);

/* Kills the process and waits for its end, unless we may not kill it; reaps a child.  Closes *pid_fd; -1 means no
 * process.
 */
void process_end(int *pid_fd);

/* Reaps every child that has ended, known or not: PID 1 of a container inherits children whose parents have ended
 * (docker exec ... sh -c '... &').  Descriptors of children stay valid; a wait for a child by pid finds none. */
void process_reap(void);

#endif
