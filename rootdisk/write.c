/* The image as a file.  Small files are gathered into large writes; large ones, and those with holes, are
 * copied by the kernel extent by extent: copy_file_range shares blocks by itself (as FICLONERANGE would)
 * where both are on one filesystem that can. */
#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "rootdisk/erofs.h"
#include "rootdisk/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { GATHER = 1 << 20, SMALL = 128 << 10 };

struct writer {
    struct rootdisk *rd;
    int fd;
    bool by_hand;   /* copy_file_range does not work between these filesystems */
    uint8_t *buf;   /* GATHER bytes */
    size_t used;    /* of buf, waiting to be written */
    uint64_t start; /* in the image, of buf's first byte */
};

static int flush(struct writer *w)
{
    int rc = io_pwrite_all(w->fd, w->buf, w->used, (off_t)w->start);
    w->used = 0;
    return rc;
}

/* A whole file through the buffer. */
static int gather(struct writer *w, int in, const struct node *n)
{
    size_t padded = (n->size + EROFS_BLOCK - 1) / EROFS_BLOCK * EROFS_BLOCK;
    uint64_t at = (uint64_t)n->block * EROFS_BLOCK;
    if ((w->used + padded > GATHER || w->start + w->used != at) && flush(w) < 0)
        return -1;
    if (w->used == 0)
        w->start = at;
    ssize_t got = io_pread_full(in, w->buf + w->used, n->size, 0);
    if (got < 0)
        return -1;
    if ((uint64_t)got < n->size) {
        errno = ESTALE;
        return -1;
    }
    memset(w->buf + w->used + n->size, 0, padded - n->size);
    w->used += padded;
    return 0;
}

/* One stretch of data from one place to another; the buffer is empty. */
static int copy_range(struct writer *w, int in, off_t from, off_t to, off_t len)
{
    while (len > 0) {
        ssize_t n = -1;
        if (!w->by_hand) {
            off_t source = from, target = to;
            n = copy_file_range(in, &source, w->fd, &target, (size_t)len, 0);
            if (n <= 0) /* other filesystems, or one of the many that cannot: read and write instead */
                w->by_hand = true;
        }
        if (w->by_hand) {
            n = io_pread_full(in, w->buf, len < GATHER ? (size_t)len : GATHER, from);
            if (n > 0 && io_pwrite_all(w->fd, w->buf, (size_t)n, to) < 0)
                return -1;
        }
        if (n == 0)
            errno = ESTALE;
        if (n <= 0)
            return -1;
        from += n;
        to += n;
        len -= n;
    }
    return 0;
}

/* A file's stretches of data, leaving its holes as holes. */
static int copy_extents(struct writer *w, int in, const struct node *n)
{
    if (flush(w) < 0)
        return -1;
    off_t start = 0, end = 0, size = (off_t)n->size, base = (off_t)n->block * EROFS_BLOCK;
    while (end < size) {
        start = n->flags & NODE_SPARSE ? lseek(in, end, SEEK_DATA) : 0;
        if (start < 0 && errno == ENXIO) /* a hole up to the end */
            return 0;
        end = n->flags & NODE_SPARSE ? lseek(in, start, SEEK_HOLE) : size;
        if (start < 0 || end < 0)
            return -1;
        if (end > size)
            end = size;
        if (copy_range(w, in, start, base + start, end - start) < 0)
            return -1;
    }
    return 0;
}

static int write_file(struct writer *w, uint32_t node, struct err *err)
{
    const struct tree *t = &w->rd->tree;
    const struct node *n = &t->nodes[node];
    cleanup_close int in = source_open(t, w->rd->root, node);
    bool small = n->size <= SMALL && !(n->flags & NODE_SPARSE);
    if (in >= 0 && (small ? gather(w, in, n) : copy_extents(w, in, n)) == 0 && source_check(t, in, node) == 0)
        return 0;
    char path[512];
    int saved = errno;
    tree_path(t, node, path, sizeof(path));
    if (saved == ESTALE)
        return err_set(err, "%s changed while the image was being written", path);
    errno = saved;
    return err_sys(err, "cannot copy %s into the image", path);
}

static int write_all(struct writer *w, struct err *err)
{
    const struct layout *l = &w->rd->layout;
    struct stat st;
    /* Not of an empty file: ext4 takes truncating to nothing for the start of replacing a file, and then
     * allocates and flushes everything when it is closed. */
    bool old = fstat(w->fd, &st) == 0 && st.st_size > 0;
    if ((old && ftruncate(w->fd, 0) < 0) || ftruncate(w->fd, (off_t)rootdisk_size(w->rd)) < 0 ||
        io_pwrite_all(w->fd, w->rd->meta, (size_t)l->meta_blocks * EROFS_BLOCK, 0) < 0)
        return err_sys(err, "cannot write the image of %llu bytes", (unsigned long long)rootdisk_size(w->rd));
    for (uint32_t i = 0; i < l->file_count; i++) {
        if (cancel_wanted())
            return err_set(err, "writing the image was cancelled");
        if (write_file(w, l->files[i], err) < 0)
            return -1;
    }
    return flush(w) < 0 ? err_sys(err, "cannot write the image") : 0;
}

int rootdisk_write(struct rootdisk *rd, int fd, struct err *err)
{
    cleanup_free uint8_t *buf = malloc(GATHER);
    if (!buf)
        return err_sys(err, "cannot write the image");
    struct writer w = {.rd = rd, .fd = fd, .buf = buf};
    return write_all(&w, err);
}
