/* The command of a session, as a process of its own. */
#ifndef CTR_INIT_COMMAND_H
#define CTR_INIT_COMMAND_H

#include <sys/types.h>

/* Starts argv with the environment env (both NULL-terminated) in a session of its own, with the three
 * descriptors as its stdin, stdout and stderr.  The process id, or -1 with *error an errno: that of exec
 * when it could not be run. */
pid_t command_start(char *const *argv, char *const *env, const int stdio[3], int *error);

/* What a shell says of that errno: 127 not found, 126 not executable. */
unsigned command_code(int error);

/* Appends what a command may expect and env lacks: PATH, HOME, HOSTNAME.  env has room for 3 more. */
void command_defaults(char **env);

#endif
