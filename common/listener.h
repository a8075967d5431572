/* A listening socket in a loop.  It pauses while there is no descriptor or no memory for a connection: poll keeps
 * reporting a connection that accept could not take (EMFILE), so a loop that tried again at once would do nothing else.
 */
#ifndef CTR_LISTENER_H
#define CTR_LISTENER_H

#include "common/loop.h"

#include <sys/socket.h>

/* Embedded in the object that owns the socket.  If everything except watch.fd is zero, it is not in a loop. */
struct listener {
    struct watch watch; /* fd not owned */
    struct timer rest;
    struct loop *loop;
};

/* Calls ready for each waiting connection, with the listener's watch.  The listener must stay where it is until it is
 * stopped.  -1 without memory. */
int listener_start(struct listener *l, struct loop *loop, int fd, void (*ready)(struct watch *w, short revents));

/* Accepts a waiting connection, close-on-exec and non-blocking; from may be NULL. -1: none can be accepted now, and
 * ready is called when one can, or a moment later. */
int listener_accept(struct listener *l, struct sockaddr *from, socklen_t *size);

/* Allowed when not started. */
void listener_stop(struct listener *l);

#endif
