/* Whole reads and writes on descriptors.  Interrupted calls are resumed. */
#ifndef CTR_IO_H
#define CTR_IO_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes all len bytes to a blocking fd.  0, or -1 with errno. */
int io_write_all(int fd, const void *data, size_t len);

/* Writes all len bytes at an offset.  0, or -1 with errno. */
int io_pwrite_all(int fd, const void *data, size_t len, off_t offset);

/* Reads until len bytes or end of file.  The count read, or -1 with errno. */
ssize_t io_read_full(int fd, void *data, size_t len);

/* The same at an offset. */
ssize_t io_pread_full(int fd, void *data, size_t len, off_t offset);

/* Reads a whole regular file of at most max bytes (also in /proc, where sizes are 0) into new memory, followed by a
 * NUL, which *len (may be NULL) does not count.  dirfd and path as in openat.  The caller frees the result.  NULL with
 * errno; EFBIG when the file is larger than max; IO_NOT_REGULAR for a FIFO, a socket or a device, which could keep the
 * reader waiting, or have no end. */
char *io_read_file(int dirfd, const char *path, size_t max, size_t *len);

/* The same of what fd brings until its end, whatever it is. */
char *io_read_open(int fd, size_t max, size_t *len);

/* No call that we make fails with this one; err_sys has its own text for it. */
#define IO_NOT_REGULAR EMEDIUMTYPE

/* Opens the existing path for writing, without truncating it, and writes text in one call, as files under /proc and
 * /sys require.  0, or -1 with errno. */
int io_write_text(const char *path, const char *text);

#endif
