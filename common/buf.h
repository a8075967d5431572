/* A growing byte buffer.  Running out of memory is sticky: appends do nothing afterwards, and buf_failed reports it at
 * the end, so that a formatter needs one check instead of one for each line. */
#ifndef CTR_BUF_H
#define CTR_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* always followed by a NUL once anything was appended; owned */
    size_t len; /* without that NUL */
    size_t cap;
    bool failed;
};

#define cleanup_buf __attribute__((cleanup(buf_free)))

void buf_free(struct buf *b);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *text);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Removes len bytes from the front. */
void buf_drop(struct buf *b, size_t len);

static inline bool buf_failed(const struct buf *b)
{
    return b->failed;
}

#endif
