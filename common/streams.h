/* This process's stdin, stdout and stderr, joined to a session's connections to the guest.
 *
 * Between the two pumps, vsock's flow control (credit) may stall a stream.  Firecracker lets the guest send 64 KiB
 * ahead, and sends the next credit by itself once less than 4 KiB of it are left.  If the guest has no buffer for the
 * credit at that moment, the credit stays pending until the guest posts some (v1.12:
 * VsockConnection::peer_needs_credit_update, Vsock::handle_rxq_event), which Linux does whenever half of them are used
 * (virtio_transport_rx_work).  The hello's 8 bytes count: an output that lacks its first credit stops after 65,528
 * bytes, and one that lacks a later one after at least 126,969.  One that stops after 65,536, a full pipe and
 * PUMP_BUFFER, has no input. */
#ifndef CTR_STREAMS_H
#define CTR_STREAMS_H

#include "common/loop.h"
#include "common/proto.h"

#include <stdbool.h>

struct streams;

/* Joins only the wanted streams, whatever the guest offers: stdin if it is wanted, stderr unless the command has a
 * terminal (tty), which has no stderr.  changed(arg) is called when a stream has ended.  NULL without memory. */
struct streams *streams_new(struct loop *loop, bool stdin_wanted, bool tty, void (*changed)(void *arg), void *arg);

/* Directs an output to fd, which stays the caller's, instead of our stdout or stderr.  Call it before the output is
 * joined. */
void streams_redirect(struct streams *s, enum proto_kind kind, int fd);

/* Takes fd, the guest's connection for one stream.  A second one for the same stream is closed. */
void streams_join(struct streams *s, enum proto_kind kind, int fd);

/* Takes the guest's PROTO_END (common/proto.h), before or after the connection that it refers to. */
void streams_end(struct streams *s, const struct proto_msg *msg);

/* Whether the outputs were connected and have ended: everything that the command wrote has been written here too, or
 * can no longer be. */
bool streams_drained(const struct streams *s);

/* An output is still being copied. */
bool streams_open(const struct streams *s);

void streams_free(struct streams *s);

#endif
