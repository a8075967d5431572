/* ctr-jailer, the command for people: one file a subcommand, found in main.c's table. */
#ifndef CTR_CTL_H
#define CTR_CTL_H

#include "common/buf.h"
#include "common/err.h"
#include "common/proto.h"

/* argv[0] is the subcommand's name; id says which VM, or NULL.  An exit code, or -1 with err. */
int ctl_exec(const char *id, char **argv, struct err *err);
int ctl_cp(const char *id, char **argv, struct err *err);
int ctl_status(const char *id, char **argv, struct err *err);
int ctl_logs(const char *id, char **argv, struct err *err);
int ctl_stop(const char *id, char **argv, struct err *err);
int ctl_wrap(const char *id, char **argv, struct err *err);
int ctl_pause(const char *id, char **argv, struct err *err);
int ctl_unpause(const char *id, char **argv, struct err *err);

/* Finds the VM (without an id: the only one) and connects to it.  A descriptor, or
 * -1 with err. */
int ctl_connect(const char *id, struct err *err);

/* Sends one request and waits for the answer's text, which it adds to out.  -1 with err. */
int ctl_ask(const char *id, enum proto_type type, struct buf *out, struct err *err);

/* Writes on stdout what others wrote: a terminal gets it as text that cannot steer it (common/text.h), unless raw, and
 * all else gets the bytes.  -1 with err. */
int ctl_print(const struct buf *text, bool raw, struct err *err);

/* A command in the guest. */
struct ctl_session {
    uint32_t flags; /* PROTO_EXEC_* */
    const char *user, *directory;
    const char *const *argv;
    struct buf env; /* NAME=value strings, each with its NUL */
    uint32_t env_count;
};

/* Runs it with this process's streams, and with its signals, terminal and exit code: that, or -1 with err. */
int ctl_run(const char *id, const struct ctl_session *session, struct err *err);

#endif
