/* The protocol between entry and the guest's init over vsock, and between ctr-jailer and entry over a UNIX socket. This
 * header is the one description of the format, for both ends.
 *
 * Every connection opens from the guest to the host's port PROTO_PORT and starts with one hello of 8 bytes: 'c' 'j'
 * version kind, then the session as a little-endian u32.  Session 0 is the container's command; others are execs,
 * numbered by the host.  A stdin, stdout or stderr connection carries plain bytes, in one direction; with a terminal
 * there is no stderr.  stdin ends with its connection.  An output ends after as many bytes as PROTO_END says, and the
 * host then closes the connection: if the guest closed it, Firecracker would drop the bytes that it still
 * holds (its vsock waits 2 s for the reader, the guest's kernel 8 s), and it does not pass on a half-close.  The
 * control connection (one per VM) carries messages:
 *
 *     u32 length of the payload, u8 type, payload      all integers little-endian
 *
 * The host's first message is PROTO_SETTINGS, without which the guest does nothing.
 *
 * Neither end trusts the other: a length above PROTO_MAX ends the connection. */
#ifndef CTR_PROTO_H
#define CTR_PROTO_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROTO_VERSION = 2,
    PROTO_PORT = 1024,
    PROTO_HELLO = 8,        /* bytes */
    PROTO_HEADER = 5,       /* bytes */
    PROTO_MAX = 256 * 1024, /* bytes of payload: an exec's argv and environment fit */
    /* The same of PROTO_SETTINGS.  The kernel gives entry itself at most 6 MiB of arguments and environment, three
     * quarters of the default stack limit (fs/exec.c, bprm_stack_limits). */
    PROTO_SETTINGS_MAX = 8 * 1024 * 1024
};

/* A PROTO_SHARE connection, of which each share has SHARE_WAYS, carries FUSE messages for the share's server.  Instead
 * of a session's number, its hello has the share's key (SETTING_SHARE): every process of the guest can connect, but
 * only init knows the key. */
enum proto_kind { PROTO_CONTROL, PROTO_STDIN, PROTO_STDOUT, PROTO_STDERR, PROTO_SHARE, PROTO_KINDS };
enum { SHARE_WAYS = 4 };

enum proto_type {
    /* guest to host, which passes it on to the client of an exec */
    PROTO_STARTED = 1, /* u32 session, u32 ms since the kernel started: the command's exec succeeded; u32 ms at
                          which init had started, u32 process id as the guest sees it */
    PROTO_EXITED,      /* u32 session, u32 code as a shell would say it, 0..255, u32 why; awaits PROTO_ACK */
    PROTO_FAILED,      /* u32 session, u32 code, text: the command could not be run; awaits PROTO_ACK */
    PROTO_END,         /* u32 session, u32 kind, u32 low and u32 high half of a count: an output's bytes */
    PROTO_CLOCK,       /* u32 0, u32 low and u32 high half of a number above 0: asks for the time */
    /* host to guest; ctr-jailer to entry, which fills in the session */
    PROTO_ACK = 64, /* u32 session */
    PROTO_SIGNAL,   /* u32 session, u32 signal number */
    PROTO_WINSIZE,  /* u32 session, u32 rows, u32 columns */
    PROTO_EXEC,     /* u32 session, flags, rows, columns, argc, envc; then strings, each with its NUL:
                       user and working directory ("": those of session 0), arguments, NAME=value */
    /* u32 session: the client of the exec is gone, and the command must end, as when a terminal hangs up.  From entry
     * alone */
    PROTO_HANGUP,
    PROTO_TIME,     /* u32 0, the number of PROTO_CLOCK, or 0 when nobody has asked: somebody has set the clock;
                       u32 low and high half of the seconds since 1970, u32 ns */
    PROTO_SETTINGS, /* once, before all others: the time as in PROTO_TIME (three u32), then what the guest is to be
                       and to run (common/settings.h).  From entry alone */
    /* ctr-jailer to entry */
    PROTO_STATUS = 96, /* u32 enum proto_form, or nothing: JSON; answered by PROTO_TEXT */
    PROTO_LOGS,        /* answered by PROTO_TEXT: the guest's console */
    PROTO_STOP,        /* u32 seconds; answered by an empty PROTO_TEXT; the connection ends with the VM */
    PROTO_HEALTH,      /* answered by PROTO_TEXT: the state, a NUL, and VM_HEALTHCHECK_CMD or "" */
    PROTO_METRICS,     /* answered by PROTO_TEXT, a second later at most: Prometheus text */
    PROTO_VMM_LOGS,    /* answered by PROTO_TEXT: Firecracker's log */
    PROTO_PAUSE,       /* answered by PROTO_TEXT once the VM is paused: empty, or why it cannot be */
    PROTO_UNPAUSE,     /* the same, once it runs again */
    /* entry to ctr-jailer */
    PROTO_TEXT = 112, /* bytes */
    PROTO_STREAM,     /* u32 kind, with the descriptor of the guest's connection (SCM_RIGHTS) */
};

/* How a status is written: for programs; or for people, as lines of `name: value`. */
enum proto_form { PROTO_JSON, PROTO_LINES };

/* Why a command ended: STARVED is by the guest's kernel, out of memory. */
enum { PROTO_ENDED, PROTO_STARVED };

/* Flags of PROTO_EXEC.  COPY: runs a part of init instead of a program, selected by the arguments `pack DIR MEMBER` (an
 * archive on stdout), `unpack DIR` (one from stdin), `kind PATH` (exit code: enum proto_copy; links are followed) or
 * `link-kind PATH`. */
enum { PROTO_EXEC_TTY = 1, PROTO_EXEC_STDIN = 2, PROTO_EXEC_BUSYBOX = 4, PROTO_EXEC_COPY = 8 };
enum proto_copy { PROTO_COPY_NOTHING = 10, PROTO_COPY_FILE, PROTO_COPY_FOLDER };

/* One message as parsed: payload points into the caller's buffer. */
struct proto_msg {
    uint8_t type;
    const uint8_t *payload;
    uint32_t len;
};

void proto_hello(uint8_t out[PROTO_HELLO], enum proto_kind kind, uint32_t session);

enum { PROTO_OTHER = -2 };

/* 0; -1 if these bytes are not a hello; PROTO_OTHER if they are a hello of another version. */
int proto_hello_parse(const uint8_t in[PROTO_HELLO], enum proto_kind *kind, uint32_t *session);

/* Appends a message whose payload is `count` u32 fields and then len bytes of data. */
void proto_put(struct buf *out, enum proto_type type, const uint32_t *fields, size_t count, const void *data,
               size_t len);

/* The type of the message that starts with these bytes, and the length of its payload, which may be anything. */
uint8_t proto_head(const uint8_t in[PROTO_HEADER], uint32_t *len);

/* Parses the first message of in: 1 and *msg; 0 if the message is still incomplete; -1 if it is invalid (too long).
 * The caller drops PROTO_HEADER + msg->len bytes once done with it. */
int proto_get(const struct buf *in, struct proto_msg *msg);

/* The i-th u32 of the payload; false when the payload is shorter. */
bool proto_field(const struct proto_msg *msg, size_t i, uint32_t *value);

/* The time in three fields from the i-th on (low and high half of the seconds since 1970, and ns), in ns since 1970; -1
 * if it is missing or invalid. */
int64_t proto_time(const struct proto_msg *msg, size_t i);

/* The bytes after `count` u32 fields; *len is 0 if the payload is shorter. */
const uint8_t *proto_data(const struct proto_msg *msg, size_t count, size_t *len);

#endif
