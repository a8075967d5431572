/* A folder served to a guest, by FUSE messages over stream sockets. */
#ifndef CTR_SHARE_SERVE_H
#define CTR_SHARE_SERVE_H

#include "common/err.h"
#include "common/proto.h"

#include <stdbool.h>
#include <stdint.h>

/* With several connections, an fsync on one does not hold up the others. */
enum { SHARE_CONNECTIONS = SHARE_WAYS };

struct share;

struct share_options {
    bool readonly;
    bool suid;     /* see docs/shares.md */
    bool confined; /* by a seccomp filter for each thread, and Landlock */
    uint32_t era;  /* how many servers the guest had before; see share/slots.h */
};

/* Takes the folder, a descriptor.  Changes this process: its working directory is /proc/self/fd, and it opens as many
 * files as it may.  NULL with err. */
struct share *share_new(int folder, const struct share_options *options, struct err *err);

/* Serves the connections, which stay the caller's, with a thread each.  0 when one of them has ended, as all do when
 * the guest unmounts or ends; the others' threads still run: end the process.  -1 with err: a message was not FUSE. */
int share_serve(struct share *s, const int connections[SHARE_CONNECTIONS], struct err *err);

/* One connection, in this thread, from its first message.  For tests; needs share_thread first. */
int share_connection(struct share *s, int connection, struct err *err);
int share_thread(struct share *s, struct err *err);

void share_free(struct share *s);

#endif
