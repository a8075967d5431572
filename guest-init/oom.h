/* Reads from the kernel's log which processes it killed because memory ran out. */
#ifndef CTR_INIT_OOM_H
#define CTR_INIT_OOM_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the kernel killed process pid (0: any) since it started, as far as its log goes back. */
bool oom_killed(pid_t pid);

#endif
