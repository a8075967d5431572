/* ctr-jailer, the command for people: one file a subcommand, found in the table of commands.c. */
#ifndef CTR_CTL_H
#define CTR_CTL_H

#include "common/buf.h"
#include "common/err.h"
#include "common/proto.h"

#include <stdbool.h>

/* argv[0] is the subcommand's name; id says which VM, or NULL.  An exit code, or -1 with err. */
int ctl_exec(const char *id, char **argv, struct err *err);
int ctl_cp(const char *id, char **argv, struct err *err);
int ctl_status(const char *id, char **argv, struct err *err);
int ctl_logs(const char *id, char **argv, struct err *err);
int ctl_stop(const char *id, char **argv, struct err *err);
int ctl_wrap(const char *id, char **argv, struct err *err);
int ctl_pause(const char *id, char **argv, struct err *err);
int ctl_unpause(const char *id, char **argv, struct err *err);
int ctl_ls(const char *id, char **argv, struct err *err);
int ctl_kernel(const char *id, char **argv, struct err *err);
int ctl_image(const char *id, char **argv, struct err *err);
int ctl_run_image(const char *id, char **argv, struct err *err);
int ctl_inspect(const char *id, char **argv, struct err *err);
int ctl_rm(const char *id, char **argv, struct err *err);
int ctl_purge(const char *id, char **argv, struct err *err);
int ctl_completion(const char *id, char **argv, struct err *err);
int ctl_kill(const char *id, char **argv, struct err *err);
int ctl_man(const char *id, char **argv, struct err *err);
int ctl_build(const char *id, char **argv, struct err *err);
int ctl_profile_create(const char *id, char **argv, struct err *err);
int ctl_profile_ls(const char *id, char **argv, struct err *err);
int ctl_profile_inspect(const char *id, char **argv, struct err *err);
int ctl_profile_rm(const char *id, char **argv, struct err *err);

/* Finds the VM (without an id: the only one) and connects to it.  A descriptor, or
 * -1 with err. */
int ctl_connect(const char *id, struct err *err);

/* The state.json of a VM that can be reached, *len bytes followed by a NUL; owned by the caller.  Connects first,
 * because a dead VM's directory stays until the next start.  NULL with errno. */
char *ctl_state(const char *id, size_t *len);

/* Sends one request (form is of a status; others ignore it), waits for the text of the reply, and appends it to out.
 * last: this process only prints afterwards, and is confined to that before it sends the request (common/confine.h). -1
 * with err. */
int ctl_ask(const char *id, enum proto_type type, enum proto_form form, bool last, struct buf *out, struct err *err);

/* Writes foreign text to stdout: without control characters on a terminal (common/text.h), unless raw; unchanged to
 * anything else.  -1 with err. */
int ctl_print(const struct buf *text, bool raw, struct err *err);

/* A command in the guest. */
enum ctl_output { CTL_AS_IT_IS, CTL_NO_STDOUT, CTL_SHOWN /* on a terminal, as ctl_print does */ };
struct ctl_session {
    uint32_t flags; /* PROTO_EXEC_* */
    enum ctl_output output;
    const char *user, *directory;
    const char *const *argv;
    struct buf env; /* NAME=value strings, each with its NUL */
    uint32_t env_count;
};

/* Runs it with this process's streams, and with its signals, terminal and exit code: that, or -1 with err.  Before it
 * reads anything, this process is confined for ever (common/confine.h). */
int ctl_run(const char *id, const struct ctl_session *session, struct err *err);

/* The same in a process of its own, for a session that is not the last thing to do. */
int ctl_run_first(const char *id, const struct ctl_session *session, struct err *err);

#endif
