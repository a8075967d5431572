/* A command as a process of its own. */
#ifndef CTR_INIT_COMMAND_H
#define CTR_INIT_COMMAND_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct command {
    char *const *argv; /* NULL-terminated */
    char *const *env;  /* NAME=value strings, NULL-terminated */
    const char *user;  /* see user.h */
    const char *directory;
    bool tty;                       /* its descriptors are a terminal, which becomes its controlling one */
    int program;                    /* what to execute; -1: argv[0], looked up in env's PATH */
    int (*part)(char *const *argv); /* what runs instead: a part of init, which returns the exit code; or NULL */
    bool first;                     /* it takes the place of process 1, as in a container */
    bool pid1;  /* it is the first process of new PID and mount namespaces, which all later commands share */
    int mounts; /* the mount namespace to join; -1: none */
};

/* Starts it in a session of its own, with the three descriptors as its stdin, stdout and stderr, which it will own.
 * The process id; or -1 with err, and *code set to the exit status that a shell would report: 127 not found, 126 not
 * executable, else 125. */
pid_t command_start(const struct command *c, const int stdio[3], uint32_t *code, struct err *err);

/* The mount namespace of a running command, for others to join: a descriptor, or -1. */
int command_mounts(pid_t pid);

/* Turns the wait status of a command that was PID 1 into the command's own: an init that powers off or halts the system
 * has ended well. */
int command_pid1_status(int status);

#endif
