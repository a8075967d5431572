/* A session: a command, its streams, and how it ended. */
#ifndef CTR_INIT_SESSION_H
#define CTR_INIT_SESSION_H

#include "common/err.h"
#include "common/proto.h"
#include "common/pump.h"
#include "guest-init/command.h"

struct session;

/* One connection to entry, and our end of the command's pipe or terminal. */
struct session_stream {
    struct pump pump;    /* first: a pump is its stream */
    struct watch closed; /* of an output that is complete: entry closes the connection once it has all */
    struct session *session;
    int local; /* -1: ended */
    int host;  /* -1: closed */
};

/* One of the session's outputs is complete, with so many bytes. */
typedef void session_output(struct session *s, enum proto_kind kind, uint64_t bytes);

struct session {
    uint32_t id;
    pid_t pid;        /* of the command; -1: not running (any more) */
    bool ended;       /* it has run, with code */
    uint32_t code;    /* 0..255 */
    bool starved;     /* it ended because the kernel was out of memory */
    bool alone;       /* signals are for the command itself, not for its process group */
    pid_t leader;     /* what pid was at the start: the id of its process group and session, also after its end */
    uint64_t hung_up; /* when SIGHUP was sent (CLOCK_BOOTTIME, ns); 0: it was not */
    bool dying;       /* from then on, until no process is left, or all were killed */
    struct timer grace;
    int terminal; /* our side of the pty; -1: none */
    struct loop *loop;
    struct session_stream stream[3]; /* by the command's descriptor number */
    session_output *output;
};

/* Connects the session's streams and starts its command.  stdin_wanted: else the command reads end of file.  -1 with
 * err and *code as command_start; session_close is wanted then too. */
int session_start(struct session *s, uint32_t id, struct loop *loop, const struct command *c, bool stdin_wanted,
                  session_output *output, uint32_t *code, struct err *err);

/* The command has ended with this wait status; its remaining output is still passed on. */
void session_ended(struct session *s, int status);

/* It has ended, entry has closed all its connections, and nothing is left to be killed: session_close loses nothing. */
bool session_over(const struct session *s);

void session_signal(const struct session *s, int signo);
void session_resize(const struct session *s, uint32_t rows, uint32_t columns);

/* The client is gone: closes its streams and sends SIGHUP to the command's process group, and after a grace period
 * SIGKILL to the rest of the command and its session.  If the command has already ended, processes that it left stay.
 */
void session_hangup(struct session *s);

/* Closes what is open. */
void session_close(struct session *s);

#endif
