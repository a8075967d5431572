/* The processes of one kernel session (setsid(2)): a command and everything it has started. */
#ifndef CTR_INIT_MEMBERS_H
#define CTR_INIT_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Sends signo (0: none, as kill(2)) to each process of the session sid that had started before `before` (CLOCK_BOOTTIME
 * in ns; UINT64_MAX: to all), zombies excepted.  How many there were.  The time keeps apart a later session with the
 * same id: the kernel may use the id again once all processes of the first have ended. */
unsigned members_signal(pid_t sid, uint64_t before, int signo);

/* The same of all processes but this one, the kernel's own, and those that are spared. */
unsigned members_signal_all(bool (*spared)(pid_t pid), int signo);

#endif
