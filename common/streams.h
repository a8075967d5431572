/* This process's stdin, stdout and stderr, joined to a session's connections to the guest. */
#ifndef CTR_STREAMS_H
#define CTR_STREAMS_H

#include "common/loop.h"
#include "common/proto.h"

#include <stdbool.h>

struct streams;

/* tty: there is no stderr to wait for.  changed(arg) is called when a stream has ended.  NULL without
 * memory. */
struct streams *streams_new(struct loop *loop, bool tty, void (*changed)(void *arg), void *arg);

/* Takes fd, the guest's connection for one stream.  A second one for the same stream is closed. */
void streams_join(struct streams *s, enum proto_kind kind, int fd);

/* The outputs were connected and have ended: all that the command wrote has been written here too, or can
 * no longer be. */
bool streams_drained(const struct streams *s);

void streams_free(struct streams *s);

#endif
