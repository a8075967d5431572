/* Runs a program of the system to its end: mke2fs, e2fsck, iptables-restore. */
#ifndef CTR_RUN_H
#define CTR_RUN_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The full path of a program, searched in PATH and in the directories of administration tools; false if there is none.
 */
bool run_find(const char *name, char *path, size_t size);

/* Runs argv (argv[0] is found as run_find does) with len bytes of input on its stdin, and waits; if the work is
 * cancelled (common/cancel.h), the program gets SIGTERM, which ends e2fsck and mke2fs cleanly.  It has no signal
 * blocked or ignored, no descriptor but stdin, stdout and stderr, and an environment of its own: variables that
 * configure the VM must not configure mke2fs.  Its stdout is appended to out, its stderr to complaints; either may be
 * NULL: dropped, and both may be the same.  Returns its exit status 0..255; -1 with err if it cannot be run, or was
 * killed by a signal.
 */
int run_program(const char *const argv[], const void *input, size_t len, struct buf *out, struct buf *complaints,
                struct err *err);

/* The user that a program runs as if it reads data from a guest or an unprivileged user: a user of its own, which gains
 * no rights (no_new_privs), and has stdin, stdout, stderr and the descriptors fds, as 3 and on, but no others. */
struct run_as {
    uid_t uid;             /* and gid */
    uint64_t capabilities; /* the program gets these, if we have them (common/privilege.h) */
    const int *fds;        /* these and the count: at most RUN_FDS_MAX */
    unsigned fd_count;
    bool copier;     /* it is held to SANDBOX_COPIER (common/sandbox.h) instead of SANDBOX_PROGRAM */
    bool puller;     /* or to SANDBOX_PULLER */
    uint64_t memory; /* bytes of its own that it may map (RLIMIT_DATA); 0: any number */
};
enum { RUN_FDS_MAX = 4 };

/* The path by which such a program opens fds[i]: opening it checks the file's mode again. */
#define RUN_FD_PATH(i) "/proc/self/fd/" #i

/* run_program without input, as that user.  The last RUN_OUTPUT_MAX bytes of its stdout and stderr are appended to
 * output, which is empty before. */
enum { RUN_OUTPUT_MAX = 64 * 1024 };
int run_program_as(const char *const argv[], const struct run_as *as, struct buf *output, struct err *err);

/* The same in steps, for programs that run side by side.  The descriptors of `as` may be closed once it has started;
 * the name, argv[0], must live as long. */
struct run_as_started {
    pid_t pid; /* 0: none */
    const char *name;
    int said;
};
#define RUN_AS_NONE                                                                                                    \
    {                                                                                                                  \
        .said = -1                                                                                                     \
    }
int run_as_start(struct run_as_started *r, const char *const argv[], const struct run_as *as, struct err *err);
int run_as_finish(struct run_as_started *r, struct buf *output, struct err *err);

/* Kills a program that is no longer wanted, and waits for its end.  Does nothing if there is none. */
void run_as_stop(struct run_as_started *r);

/* run_program in steps: a program that is started early is ready to read by the time its input is known. */
struct run {
    pid_t pid;        /* 0: none */
    const char *name; /* argv[0], which must live as long */
    int feed, said, complaints;
    int failed; /* errno of run_feed */
};
#define RUN_NONE                                                                                                       \
    {                                                                                                                  \
        .feed = -1, .said = -1, .complaints = -1                                                                       \
    }

/* Starts argv; together: stderr goes where stdout does.  0; or -1 with err, and nothing to finish. */
int run_start(struct run *r, const char *const argv[], bool together, struct err *err);

/* Gives the program all of its input, once.  A program that is no longer needed gets no input. */
void run_feed(struct run *r, const void *input, size_t len);

/* Waits until it ends, and frees its resources.  Returns as run_program does. */
int run_finish(struct run *r, struct buf *out, struct buf *complaints, struct err *err);

/* The first and the last line of what a program said, cut out of text (which is changed); "" for none. */
const char *run_first_line(struct buf *text);
const char *run_last_line(struct buf *text);

#endif
