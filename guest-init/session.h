/* A session: a command, its streams, and how it ended. */
#ifndef CTR_INIT_SESSION_H
#define CTR_INIT_SESSION_H

#include "common/err.h"
#include "common/pump.h"
#include "guest-init/command.h"

/* One connection to entry, and our end of the command's pipe or terminal. */
struct session_stream {
    struct pump pump; /* first: a pump is its stream */
    struct session *session;
    int local, host; /* -1: ended */
};

struct session {
    uint32_t id;
    pid_t pid;     /* of the command; -1: not running (any more) */
    bool ended;    /* it has run, with code */
    uint32_t code; /* 0..255 */
    bool alone;    /* signals are for the command itself, not for its process group */
    int terminal;  /* the pty's our side; -1: none */
    struct loop *loop;
    struct session_stream stream[3]; /* by the command's descriptor number */
    void (*changed)(struct session *s);
};

/* Connects the session's streams and starts its command.  changed is called when session_finished may have
 * become true.  stdin_wanted: else the command reads end of file.  -1 with err and *code as command_start;
 * session_close is wanted then too. */
int session_start(struct session *s, uint32_t id, struct loop *loop, const struct command *c, bool stdin_wanted,
                  void (*changed)(struct session *), uint32_t *code, struct err *err);

/* The command has ended with this wait status: what it wrote is still passed on. */
void session_ended(struct session *s, int status);

/* It has ended, and all that it wrote is with entry. */
bool session_finished(const struct session *s);

void session_signal(const struct session *s, int signo);
void session_resize(const struct session *s, uint32_t rows, uint32_t columns);

/* Closes what is open. */
void session_close(struct session *s);

#endif
