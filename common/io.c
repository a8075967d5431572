#include "common/io.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int io_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int io_pwrite_all(int fd, const void *data, size_t len, off_t offset)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        offset += n;
        len -= (size_t)n;
    }
    return 0;
}

ssize_t io_read_full(int fd, void *data, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, (char *)data + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

ssize_t io_pread_full(int fd, void *data, size_t len, off_t offset)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(fd, (char *)data + got, len - got, offset + (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

char *io_read_file(int dirfd, const char *path, size_t max, size_t *len)
{
    struct stat st;
    cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return NULL;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : IO_NOT_REGULAR;
        return NULL;
    }
    return io_read_open(fd, max, len);
}

char *io_read_open(int fd, size_t max, size_t *len)
{
    size_t size = 4096, used = 0;
    cleanup_free char *data = malloc(size + 1);
    while (data) {
        ssize_t n = io_read_full(fd, data + used, size - used);
        if (n < 0)
            return NULL;
        used += (size_t)n;
        if (used > max) {
            errno = EFBIG;
            return NULL;
        }
        if (used < size) {
            data[used] = '\0';
            if (len)
                *len = used;
            return steal_ptr(&data);
        }
        size *= 2;
        char *more = realloc(data, size + 1);
        if (!more)
            return NULL;
        data = more;
    }
    return NULL;
}

int io_write_text(const char *path, const char *text)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t len = strlen(text);
    ssize_t n = write(fd, text, len);
    if (n >= 0 && (size_t)n != len) {
        errno = EIO;
        return -1;
    }
    return n < 0 ? -1 : 0;
}
