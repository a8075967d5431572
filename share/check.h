/* Whether a FUSE message is one that a Linux kernel would send (include/uapi/linux/fuse.h, protocol 7.31 to 7.38).
 *
 * libfuse trusts its peer, which is the host's kernel elsewhere: it takes a WRITE's length from the message, not from
 * what has arrived, and follows a file handle that is a pointer.  Our peer is a guest.  So libfuse sees a message only
 * after this function has: a known operation, with exactly the bytes that it takes.  What the message means (which
 * node, which handle, which rights) is not judged here. */
#ifndef CTR_SHARE_CHECK_H
#define CTR_SHARE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

enum {
    CHECK_DATA_MAX = 1 << 20, /* bytes that one READ, WRITE or READDIR moves */
    /* a whole message: libfuse's buffers have a page for what goes before the data */
    CHECK_MESSAGE_MAX = CHECK_DATA_MAX + 4096,
    CHECK_MESSAGE_MIN = 40 /* the header */
};

/* What a file without a name has as its name (O_TMPFILE; d_tmpfile of fs/dcache.c). */
#define CHECK_UNNAMED "/"

enum {
    CHECK_PASS = 0,
    CHECK_SILENT = -1, /* it gets no reply, and needs none */
    CHECK_BROKEN = -2  /* no reply can be matched to it: the connection is of no more use */
};

/* Checks a message of which len bytes have arrived; message is aligned like memory from malloc.  first: it is the
 * session's first message, which must be INIT; no other may be.  readonly: operations that would change something are
 * refused.  CHECK_...; or an errno above 0, which is the reply. */
int check_message(const void *message, size_t len, bool first, bool readonly);

#endif
