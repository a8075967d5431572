/* The control connection, from either end: messages of common/proto.h in and out, inside a loop, with both
 * buffers bounded. */
#ifndef CTR_PEER_H
#define CTR_PEER_H

#include "common/loop.h"
#include "common/proto.h"

struct peer {
    struct watch watch; /* fd -1: not connected (yet, or any more) */
    struct loop *loop;
    struct buf in, out;
    size_t first; /* bytes of out that peer_send_first has put there */
    int received; /* a descriptor that came with the last data read; -1: none, or already taken */
    void (*message)(struct peer *p, const struct proto_msg *msg);
    void (*lost)(struct peer *p, int how); /* once; the connection is closed by then */
};

/* How it was lost: the other end has closed it, or has sent an invalid message; else errno. */
enum { PEER_CLOSED = 0, PEER_MALFORMED = -1 };
const char *peer_why(int how); /* the same, as text for people */

/* An unconnected peer: what is sent to it waits for peer_connect. */
void peer_init(struct peer *p, struct loop *loop, void (*message)(struct peer *, const struct proto_msg *),
               void (*lost)(struct peer *, int how));

/* Takes fd.  -1 without memory; fd is closed then. */
int peer_connect(struct peer *p, int fd);

/* Puts a message ahead of those that wait for peer_connect.  To be called before peer_connect.  Its size is not
 * bounded.  -1 without memory. */
int peer_send_first(struct peer *p, enum proto_type type, const uint32_t *fields, size_t count, const void *data,
                    size_t len);

/* Sends a message of u32 fields and bytes.  -1 if the other end does not read and too much waits already: the message
 * is dropped. */
int peer_send(struct peer *p, enum proto_type type, const uint32_t *fields, size_t count, const void *data, size_t len);

/* The same for one u32 field and a descriptor, which stays the caller's; UNIX sockets only.  -1 also when it
 * cannot be sent at once. */
int peer_send_fd(struct peer *p, enum proto_type type, uint32_t field, int fd);

/* Closes and frees what it holds; lost is not called. */
void peer_free(struct peer *p);

#endif
