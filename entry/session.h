/* The container's own streams: entry's stdin, stdout and stderr joined to the guest's connections for
 * session 0. */
#ifndef CTR_SESSION_H
#define CTR_SESSION_H

#include "common/loop.h"
#include "common/proto.h"

#include <stdbool.h>

struct session;

/* changed(arg) is called when a stream has ended.  NULL without memory. */
struct session *session_new(struct loop *loop, void (*changed)(void *arg), void *arg);

/* Takes fd, the guest's connection for one stream.  A second one for the same stream is closed. */
void session_stream(struct session *s, enum proto_kind kind, int fd);

/* Both outputs were connected and have ended: all that the command wrote has been written here too, or can
 * no longer be. */
bool session_drained(const struct session *s);

void session_free(struct session *s);

#endif
