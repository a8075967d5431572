/* The host's end of the guest channel (common/proto.h): one listening socket, the control connection with its messages,
 * and the stream connections, which are handed on.  The memory and descriptors that a guest can use here are bounded.
 */
#ifndef CTR_CHANNEL_H
#define CTR_CHANNEL_H

#include "common/err.h"
#include "common/loop.h"
#include "common/proto.h"
#include "entry/life/shares.h"

#include <sys/types.h>

struct channel;

/* What the guest did.  The callee owns fd.  malformed: an invalid message on control, which is closed then, so that
 * init ends the VM. */
struct channel_events {
    void (*message)(void *arg, const struct proto_msg *msg);
    void (*stream)(void *arg, uint32_t session, enum proto_kind kind, int fd);
    void (*malformed)(void *arg);
    void *arg;
    struct share_ends *shares; /* where connections for these go */
};

/* Listens for the guest in the folder run (a descriptor), at vsock's base name; uid may connect.  The
 * guest's kernel finds it there because Firecracker appends "_" and the port (Firecracker docs/vsock.md).
 * A descriptor, or -1 with err. */
int channel_listen(int run, const char *vsock, uid_t uid, gid_t gid, struct err *err);

/* Serves a listening socket, which becomes the channel's.  settings (common/settings.h), which the guest gets when it
 * connects and which are freed then, stay the caller's.  NULL without memory. */
struct channel *channel_new(struct loop *loop, int listener, struct buf *settings, const struct channel_events *events);

/* Sends a message, now or once the guest has connected.  -1 when too much waits already: it is dropped. */
int channel_send(struct channel *c, enum proto_type type, const uint32_t *fields, size_t count, const void *data,
                 size_t len);

void channel_free(struct channel *c);

#endif
