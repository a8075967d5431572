/* The local control socket, for ctr-jailer's requests to a running VM.  The socket is in a directory that belongs to
 * root (entry/host/rundir.h), and serves only root.  An exec's streams are handed to the client as descriptors: their
 * bytes do not pass through here. */
#ifndef CTR_CONTROL_H
#define CTR_CONTROL_H

#include "common/buf.h"
#include "common/loop.h"
#include "common/proto.h"

#include <stdbool.h>

struct control;

struct control_events {
    /* A message for the guest, its session filled in. */
    int (*to_guest)(void *arg, enum proto_type type, const uint32_t *fields, size_t count, const void *data,
                    size_t len);
    void (*stop)(void *arg, uint32_t seconds);
    void *arg;
};

struct control_questions {
    void (*status)(void *arg, struct buf *out);       /* appends JSON */
    void (*status_lines)(void *arg, struct buf *out); /* the same as lines */
    void (*logs)(void *arg, struct buf *out);         /* appends the console's text */
    void (*vmm_logs)(void *arg, struct buf *out);     /* appends Firecracker's log */
    void (*health)(void *arg, struct buf *out);       /* appends PROTO_HEALTH's answer */
    void (*metrics)(void *arg);                       /* control_answer is to be called, later */
    void (*pause)(void *arg, bool paused);            /* the same, later or at once */
    bool (*paused)(void *arg);                        /* a guest that could not answer gets no exec */
    void *arg;
};

/* Serves listener (local_listen), which becomes the control's.  NULL without memory. */
struct control *control_new(struct loop *loop, int listener, const struct control_events *events,
                            const struct control_questions *questions);

/* Takes the guest's messages about a session other than 0, and its streams (fd is taken).  Unknown sessions are
 * ignored. */
void control_message(struct control *c, uint32_t session, const struct proto_msg *msg);
void control_stream(struct control *c, uint32_t session, enum proto_kind kind, int fd);

/* Answers all whose request of this type (PROTO_METRICS, PROTO_PAUSE or PROTO_UNPAUSE) has no answer yet. */
void control_answer(struct control *c, enum proto_type type, const void *text, size_t len);

void control_free(struct control *c);

#endif
